import secrets
import stat

import pytest

from portal.cli.weaknesses import weaknesses_of
from portal.config import Config
from portal.domain.weak_secrets import unlike_random
from portal.partners.registry import new_signing_secret
from portal.settings import read_settings
from portal.store.database import make_engine, migrate

PUBLIC = {"base_url": "https://kyc.example.com", "metrics_port": 9100, "operator_name": "Banco"}
POSTGRESQL = "postgresql+psycopg://portal@db.example.com/portal"
ON_POSTGRESQL = {"secret_keys": (new_signing_secret(),)}


UNLIKE_RANDOM = [
    "correct horse battery staple",
    "supersecretwebhook",
    "whsec_webhooksecret1",
    "insert-a-long-random-string-here!!",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
]


@pytest.fixture
def found(tmp_path):
    """What is named, by what it is about. `partner`: lines of the partners file."""

    def found(partner="", *, addresses=("203.0.113.9", "8.8.8.8"), mode=0o600, **changes):
        partners = tmp_path / "partners.toml"
        partners.write_text(f'[partners.shop]\nname = "Shop"\nsigning_secrets = ["{new_signing_secret()}"]\n{partner}')
        partners.chmod(mode)
        config = Config(
            gu1_api_key="key",
            partners_file=partners,
            **{"database_url": f"sqlite:///{tmp_path / 'portal.db'}", "gu1_webhook_secrets": (new_signing_secret(),)}
            | PUBLIC
            | changes,
        )
        return [weakness.what for weakness in weaknesses_of(config, lambda _host: [addresses[-1]])]

    return found


@pytest.mark.parametrize(
    "url",
    [
        f"{POSTGRESQL}?sslmode=verify-full",
        "postgresql+psycopg://portal@127.0.0.1/portal",
        "postgresql+psycopg:///portal",
        "postgresql+psycopg:///portal?host=/run/postgresql",
        "postgresql+psycopg:///portal?host=db.example.com&sslmode=verify-full",
    ],
)
def test_database_that_is_encrypted_or_on_this_machine_is_not_named(found, url):
    assert found(**ON_POSTGRESQL, database_url=url) == []


def test_nothing_is_named_where_nothing_is_weak(found):
    assert found('notify_url = "https://shop.example/news"\norigins = ["https://shop.example"]') == []


@pytest.mark.asvs("3.4.1", "12.3.1", "13.4.5")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"metrics_port": None}, "/metrics"),
        ({"gu1_base_url": "http://127.0.0.1:9000"}, "GU1_BASE_URL"),
        ({"operator_name": None}, "/privacy"),
        ({"log_level": "DEBUG"}, "PORTAL_LOG_LEVEL"),
        ({**ON_POSTGRESQL, "database_url": f"{POSTGRESQL}?sslmode=prefer"}, "PORTAL_DATABASE_URL"),
        ({**ON_POSTGRESQL, "database_url": POSTGRESQL}, "PORTAL_DATABASE_URL"),
        *(
            ({**ON_POSTGRESQL, "database_url": f"postgresql+psycopg://{rest}"}, "PORTAL_DATABASE_URL")
            for rest in ("localhost/portal?host=db.example.com", "/portal?host=/run,db.example.com")
        ),
        ({"partner": 'origins = ["http://localhost:8100"]'}, "shop"),
        ({"partner": 'return_urls = ["http://127.0.0.1:8100/done"]'}, "shop"),
        ({"mode": 0o644}, "partners.toml"),
        ({"development": True, "base_url": "http://127.0.0.1:8000"}, "PORTAL_DEVELOPMENT"),
        ({"starts_per_day": 0}, "PORTAL_STARTS_PER_DAY"),
        ({"gu1_provider_hosts": (".com",)}, "GU1_PROVIDER_HOSTS"),
        ({"gu1_provider_hosts": ("verify.didit.me", ".co.uk")}, "GU1_PROVIDER_HOSTS"),
        *(
            ({"gu1_provider_hosts": (host,)}, "GU1_PROVIDER_HOSTS")
            for host in (".vercel.app", ".gob.ar", ".xn--p1ai", ".s3.amazonaws.com", ".amazonaws.com", ".windows.net")
        ),
        *(({"gu1_webhook_secrets": (new_signing_secret(), it)}, "GU1_WEBHOOK_SECRETS") for it in UNLIKE_RANDOM),
        ({"operator_token": UNLIKE_RANDOM[0]}, "PORTAL_OPERATOR_TOKEN"),
        ({"metrics_token": UNLIKE_RANDOM[0]}, "PORTAL_METRICS_TOKEN"),
        ({"partner": 'notify_url = "https://news.internal/"'}, "shop"),
        ({"partner": 'notify_url = "https://printer/"'}, "shop"),
    ],
)
def test_weakness_is_named(found, changes, named):
    assert found(**changes) == [named]


@pytest.mark.asvs("1.3.6")
@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "::1", "fd00::1", "100.64.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a00:5", "2002:7f00:1::", "::127.0.0.1", "::ffff:127.0.0.1"),
        *("::ffff:0:127.0.0.1", "fec0::1"),
    ],
)
def test_notifications_into_a_private_network_are_named(found, address):
    assert found('notify_url = "https://shop.example/news"', addresses=(address,)) == ["shop"]


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_notifications_into_the_internet_are_not_named(found, address):
    assert found('notify_url = "https://shop.example/news"', addresses=(address,)) == []


@pytest.mark.parametrize(
    "hosts", [(".didit.me",), ("verify.example.com.ar",), (".kyc.gob.ar",), (".pages.example.com",)]
)
def test_providers_own_hosts_are_not_named(found, hosts):
    assert found(gu1_provider_hosts=hosts) == []


def test_limits_of_each_source_do_not_stand_in_for_a_days_limit_where_strangers_may_start(found):
    assert found(starts_per_day=0, direct_start=False) == []
    assert found(starts_per_day=0, starts_per_address=3) == ["PORTAL_STARTS_PER_DAY"]


def test_random_secrets_look_random():
    for make in (secrets.token_hex, secrets.token_urlsafe, lambda size: new_signing_secret()):
        assert [it for it in (make(24) for _ in range(500)) if unlike_random(it)] == []


@pytest.mark.asvs("13.3.1")
def test_file_of_a_secret_that_others_may_read_is_named(tmp_path, monkeypatch):
    files = {name: tmp_path / name for name in ("PORTAL_SECRET_KEYS", "GU1_WEBHOOK_SECRETS", "GU1_API_KEY")}
    monkeypatch.chdir(tmp_path)
    for name, file in files.items():
        file.write_text(new_signing_secret())
        file.chmod(0o600)
        monkeypatch.setenv(f"{name}_FILE", str(file))
        monkeypatch.delenv(name, raising=False)
    read = read_settings()
    assert weaknesses_of(read.config, secret_files=read.environment.secret_files) == ()
    files["GU1_WEBHOOK_SECRETS"].chmod(0o666)
    (named,) = weaknesses_of(read.config, secret_files=read.environment.secret_files)
    assert named.what == "GU1_WEBHOOK_SECRETS"


def test_on_loopback_only_files_matter(found):
    assert found(base_url="http://127.0.0.1:8000", metrics_port=None, operator_name=None, log_level="DEBUG") == []


@pytest.mark.asvs("13.3.2")
def test_database_is_made_for_its_owner_only_or_made_so(tmp_path):
    files = [tmp_path / f"portal.db{suffix}" for suffix in ("", "-wal", "-shm")]
    for given in (None, 0o664):
        if given:
            files[0].chmod(given)
        engine = make_engine(f"sqlite:///{files[0]}")
        migrate(engine)
        with engine.connect():
            assert {stat.S_IMODE(file.stat().st_mode) for file in files if file.exists()} == {0o600}
        engine.dispose()
