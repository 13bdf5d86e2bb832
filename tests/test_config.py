import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from secrets import token_hex, token_urlsafe

import pytest

from portal.config import FIELDS, SECRETS, Config
from portal.domain.egress_proxy import EgressProxy
from portal.domain.renaper_patience import DEFAULT_PATIENCE, Afterwards, RenaperPatience
from portal.domain.weak_secrets import guessable, miscopied
from portal.settings import ConfigError, load_config, read_settings, weak_secrets

SECRET = "hush-7Kd2mQx9vTzW4cLr8YbNq5hFe1u"
NINETY = timedelta(minutes=90)
LEAST = {"GU1_API_KEY": SECRET, "GU1_WEBHOOK_SECRETS": SECRET, "PORTAL_SECRET_KEYS": SECRET}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Sets variables, and only those."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(("PORTAL_", "GU1_")):
            monkeypatch.delenv(name)

    def set_variables(**values):
        for name, value in values.items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    set_variables(**LEAST)
    return set_variables


def complaint(**overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(**overrides)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_defaults_are_those_of_the_readme(environment):
    config = load_config()
    assert (config.base_url, config.database_url) == ("http://127.0.0.1:8000", "sqlite:///portal.db")
    assert (config.default_locale, config.max_attempts, config.trusted_proxies) == ("es-AR", 3, 0)
    assert config.capture == "redirect"
    assert (config.operator_name, config.contact_url) == (None, None)
    assert (config.gu1_base_url, config.gu1_integration_code) == ("https://api.gu1.ai", "global_gueno_validation_kyc")
    assert (config.gu1_provider_hosts, config.gu1_organization_id) == (("verify.didit.me",), None)
    assert config.direct_start and config.gu1_double_check_renaper


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("PORTAL_BASE_URL", "https://kyc.example.com/", "base_url", "https://kyc.example.com"),
        ("PORTAL_BASE_URL", "http://localhost:1234", "base_url", "http://localhost:1234"),
        ("PORTAL_BASE_URL", "https://KYC.ñandú.example:443", "base_url", "https://kyc.xn--and-6ma2c.example"),
        ("PORTAL_BASE_URL", "https://kyc.example.com ", "base_url", "https://kyc.example.com"),
        ("PORTAL_SECRET_KEYS", f"{'n' * 32}, {'o' * 32},", "secret_keys", ("n" * 32, "o" * 32)),
        ("PORTAL_DATABASE_URL", "postgresql+psycopg://u:p@db/x", "database_url", "postgresql+psycopg://u:p@db/x"),
        ("PORTAL_DIRECT_START", "false", "direct_start", False),
        ("PORTAL_DEFAULT_LOCALE", "pt-BR", "default_locale", "pt-BR"),
        ("PORTAL_CAPTURE", "new-tab", "capture", "new-tab"),
        ("PORTAL_MAX_ATTEMPTS", "1", "max_attempts", 1),
        ("PORTAL_OPERATOR_NAME", " Acme S.A. ", "operator_name", "Acme S.A."),
        ("PORTAL_OPERATOR_NAME", "", "operator_name", None),
        ("PORTAL_CONTACT_URL", "https://acme.example/ayuda", "contact_url", "https://acme.example/ayuda"),
        ("PORTAL_PRIVACY_URL", "https://acme.example/privacidad", "privacy_url", "https://acme.example/privacidad"),
        ("PORTAL_CONTACT_URL", "mailto:ayuda@acme.example", "contact_url", "mailto:ayuda@acme.example"),
        ("PORTAL_CONTACT_URL", "tel:+541155551234", "contact_url", "tel:+541155551234"),
        ("PORTAL_CONTACT_URL", " ", "contact_url", None),
        ("PORTAL_TRUSTED_PROXIES", "2", "trusted_proxies", 2),
        ("PORTAL_LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("PORTAL_EGRESS_PROXY", "http://u:p@proxy:3128", "egress_proxy", EgressProxy("http://proxy:3128", ("u", "p"))),
        ("PORTAL_EGRESS_PROXY", None, "egress_proxy", None),
        ("PORTAL_NO_PROXY", ".Shop.example, 10.0.0.9/8", "no_proxy", ("shop.example", "10.0.0.0/8")),
        ("GU1_BASE_URL", "http://127.0.0.1:9000/", "gu1_base_url", "http://127.0.0.1:9000"),
        ("GU1_BASE_URL", "https://gu1.example/v2", "gu1_base_url", "https://gu1.example/v2"),
        ("GU1_BASE_URL", "https://gu1.example\r\n", "gu1_base_url", "https://gu1.example"),
        ("PORTAL_AUTO_CONTINUE", "true", "auto_continue", True),
        ("GU1_API_KEY", "k", "gu1_api_key", "k"),
        ("GU1_API_KEY", " k\r\n", "gu1_api_key", "k"),
        ("GU1_WEBHOOK_SECRETS", "new,old", "gu1_webhook_secrets", ("new", "old")),
        ("GU1_ORGANIZATION_ID", "org", "gu1_organization_id", "org"),
        ("GU1_ORGANIZATION_ID", "org ", "gu1_organization_id", "org"),
        ("GU1_ORGANIZATION_ID", " ", "gu1_organization_id", None),
        ("GU1_INTEGRATION_CODE", "code", "gu1_integration_code", "code"),
        ("GU1_INTEGRATION_CODE", "code\n", "gu1_integration_code", "code"),
        ("GU1_DOUBLE_CHECK_RENAPER", "0", "gu1_double_check_renaper", False),
        ("GU1_RENAPER_PATIENCE", "24h:hold", "gu1_renaper_patience", DEFAULT_PATIENCE),
        ("GU1_RENAPER_PATIENCE", "90m:approve", "gu1_renaper_patience", RenaperPatience(NINETY, Afterwards.APPROVE)),
        ("GU1_RENAPER_PATIENCE", " 1d:Hold ", "gu1_renaper_patience", DEFAULT_PATIENCE),
        ("GU1_PROVIDER_HOSTS", "A.example, .b.example", "gu1_provider_hosts", ("a.example", ".b.example")),
    ],
)
def test_each_variable_is_read(environment, name, text, field, value):
    environment(**{name: text})
    assert getattr(load_config(), field) == value


@pytest.mark.asvs("12.2.1", "12.3.1")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORTAL_BASE_URL", "http://kyc.example.com"),
        ("PORTAL_BASE_URL", "https://kyc.example.com/portal"),
        ("PORTAL_BASE_URL", "https://kyc.example.com:eighty"),
        ("PORTAL_BASE_URL", "https://[::1"),
        ("PORTAL_BASE_URL", "ftp://kyc.example.com"),
        ("PORTAL_SECRET_KEYS", f"{SECRET},short"),
        ("PORTAL_DATABASE_URL", "mysql://u:p@db/x"),
        ("PORTAL_DATABASE_URL", "nonsense"),
        ("PORTAL_DATABASE_URL", "sqlite://"),
        ("PORTAL_DATABASE_URL", "sqlite:///:memory:"),
        ("PORTAL_DATABASE_URL", f"postgresql+psycopg://u:p@host:{SECRET}@db/x"),
        ("PORTAL_DIRECT_START", "perhaps"),
        ("PORTAL_DEFAULT_LOCALE", "fr"),
        ("PORTAL_CAPTURE", "popup"),
        ("PORTAL_MAX_ATTEMPTS", "0"),
        ("PORTAL_MAX_ATTEMPTS", "many"),
        ("PORTAL_OPERATOR_NAME", "Acme\nS.A."),
        ("PORTAL_OPERATOR_NAME", "A" * 81),
        ("PORTAL_PRIVACY_URL", "mailto:ayuda@acme.example"),
        ("PORTAL_PRIVACY_URL", "http://acme.example/privacidad"),
        ("PORTAL_PRIVACY_URL", "/privacidad"),
        ("PORTAL_CONTACT_URL", "ayuda@acme.example"),
        ("PORTAL_CONTACT_URL", "http://acme.example"),
        ("PORTAL_CONTACT_URL", "javascript:alert(1)"),
        ("PORTAL_TRUSTED_PROXIES", "-1"),
        ("PORTAL_LOG_LEVEL", "LOUD"),
        ("PORTAL_EGRESS_PROXY", f"socks5://u:{SECRET}@proxy"),
        ("PORTAL_EGRESS_PROXY", f"http://u:{SECRET}@[proxy"),
        ("PORTAL_NO_PROXY", "*"),
        ("PORTAL_NO_PROXY", "shop.example:443"),
        ("PORTAL_METRICS_PORT", "0"),
        ("PORTAL_METRICS_TOKEN", "short"),
        ("GU1_BASE_URL", "http://api.gu1.ai"),
        ("GU1_BASE_URL", f"https://user:{SECRET}@api.gu1.ai"),
        ("GU1_BASE_URL", "api.gu1.ai"),
        ("GU1_API_KEY", ""),
        ("GU1_API_KEY", " "),
        ("GU1_API_KEY", "two\nlines"),
        ("GU1_API_KEY", None),
        ("GU1_WEBHOOK_SECRETS", " , "),
        ("GU1_WEBHOOK_SECRETS", None),
        ("GU1_DOUBLE_CHECK_RENAPER", "sometimes"),
        *(("GU1_RENAPER_PATIENCE", text) for text in ("24h", "hold", "24h:reject", "-1h:hold", "24:hold")),
        ("GU1_PROVIDER_HOSTS", "*"),
        ("GU1_PROVIDER_HOSTS", "verify.didit.me; script-src *"),
        ("GU1_PROVIDER_HOSTS", "https://verify.didit.me"),
        ("PORTAL_BASE_URL", "https://a..example.com"),
        ("PORTAL_BASE_URL", "https://kyc.example.com; script-src *"),
    ],
)
def test_each_bad_value_names_itself_and_shows_no_secret(environment, name, text):
    environment(**{name: text})
    assert complaint().split(": ")[0].endswith(name)


def test_all_bad_values_are_named_at_once(environment):
    environment(PORTAL_MAX_ATTEMPTS="0", PORTAL_DEFAULT_LOCALE="fr", GU1_API_KEY=None)
    named = {line.split(":")[0] for line in complaint().splitlines()}
    assert named == {"PORTAL_MAX_ATTEMPTS", "PORTAL_DEFAULT_LOCALE", "GU1_API_KEY"}


@pytest.mark.parametrize("blank", ["", " ", "\t\r\n"])
@pytest.mark.parametrize("name", sorted(FIELDS.keys() - LEAST.keys()))
def test_blank_setting_is_not_set(environment, name, blank):
    default = getattr(load_config(), FIELDS[name])
    environment(**{name: blank})
    assert getattr(load_config(), FIELDS[name]) == default


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("PORTAL_CAPTURE", "popup", "found 'popup'; must be 'redirect', 'new-tab' or 'frame'"),
        ("PORTAL_MAX_ATTEMPTS", "21", "found '21'; must be a whole number from 1 to 20"),
        ("PORTAL_MAX_ATTEMPTS", "3.5", "found '3.5'; must be a whole number from 1 to 20"),
        ("GU1_HOURLY_BUDGET", "none", "found 'none'; must be a whole number of 1 or more"),
        ("PORTAL_DIRECT_START", "ja", "found 'ja'; must be true or false"),
        ("PORTAL_DATABASE_URL", "mysql://u:p@db/x", "not with mysql://"),
        ("PORTAL_METRICS_TOKEN", "short-and-secret"[:9], "must have at least 16 characters"),
        ("PORTAL_BASE_URL", "'https://kyc.example.com'", "is in quotes"),
        ("PORTAL_LOG_LEVEL", "gk_prod_4711", "found what looks like a secret (not shown); must be"),
        ("PORTAL_BASE_URL", "https://kyc.example.com/" + "p" * 99, "…'; must be a scheme"),
    ],
)
def test_wrong_setting_says_what_was_found_and_what_is_allowed(environment, name, text, says):
    environment(**{name: text})
    assert says in complaint()
    assert "4711" not in complaint() and "p" * 60 not in complaint() and "short-and" not in complaint()


def test_faults_of_every_kind_are_named_together(environment):
    environment(
        PORTAL_BASE_URL="http://kyc.example.com",
        PORTAL_SECRET_KEYS=None,
        PORTAL_DATABASE_URL="postgresql+psycopg://u:p@db/x",
        PORTAL_METRICS_TOKEN="m" * 32,
        GU1_API_KEY=None,
        GU1_API_KEY_FILE="/nowhere",
        GU1_WEBHOOK_SECRETS='"w1"',
        GU1_PROVIDER_HOSTS="*",
    )
    named = {line.split(":")[0] for line in complaint().splitlines()}
    assert named == {
        "PORTAL_BASE_URL",
        "PORTAL_SECRET_KEYS",
        "PORTAL_METRICS_TOKEN",
        "GU1_API_KEY_FILE",
        "GU1_WEBHOOK_SECRETS",
        "GU1_PROVIDER_HOSTS",
    }


def test_fault_elsewhere_makes_no_key_file(environment, tmp_path):
    environment(PORTAL_SECRET_KEYS=None, PORTAL_MAX_ATTEMPTS="0")
    complaint()
    assert list(tmp_path.iterdir()) == []


def test_env_file_in_the_working_directory_is_read_behind_the_environment(environment, tmp_path):
    environment(GU1_API_KEY=None, PORTAL_MAX_ATTEMPTS="2", PORTAL_CAPTURE="")
    (tmp_path / ".env").write_text(
        f"# ours\nexport GU1_API_KEY='{SECRET}'\nPORTAL_MAX_ATTEMPTS=5\nPORTAL_CAPTURE=frame\n"
    )
    settings = read_settings()
    assert (settings.config.gu1_api_key, settings.config.max_attempts, settings.config.capture) == (SECRET, 2, "frame")
    names = ("GU1_API_KEY", "PORTAL_MAX_ATTEMPTS", "PORTAL_LOG_LEVEL")
    assert [settings.source_of(name) for name in names] == [".env", "environment", "default"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PORTAL_TRUSTED_PROXY", "PORTAL_TRUSTED_PROXIES"),
        ("GU1_APIKEY", "GU1_API_KEY"),
        ("GU1_API_KEYS", "GU1_API_KEY"),
        ("GUI_API_KEY", "GU1_API_KEY"),
        ("PROTAL_BASE_URL", "PORTAL_BASE_URL"),
        ("PORTAL_DATABASE", "PORTAL_DATABASE_URL"),
        ("portal_metric_port", "PORTAL_METRICS_PORT"),
        ("GU1_WEBHOOK_SECRET_FILE", "GU1_WEBHOOK_SECRETS_FILE"),
        ("PORTAL_QQQ", None),
    ],
)
def test_unknown_setting_is_known_with_the_nearest_one(environment, name, meant):
    environment(**{name: "x"})
    assert read_settings().environment.unknown == {name.upper(): meant}


def test_what_kubernetes_says_of_a_service_called_portal_is_no_setting(environment):
    address = "tcp://10.0.0.7:8000"
    environment(PORTAL_SERVICE_HOST="10.0.0.7", PORTAL_SERVICE_PORT="8000", PORTAL_SERVICE_PORT_HTTP="8000")
    environment(PORTAL_PORT=address, PORTAL_PORT_8000_TCP=address, PORTAL_PORT_8000_TCP_ADDR="10.0.0.7")
    environment(PORTAL_DB_PORT=address, PORTALEGRE="a town")
    assert read_settings().environment.unknown == {}


@pytest.mark.asvs("13.3.1")
def test_each_secret_may_come_from_a_file(environment, tmp_path):
    url = f"postgresql+psycopg://u:{SECRET}@db/x"
    (tmp_path / "url").write_text(f"{url}\n")
    environment(PORTAL_DATABASE_URL_FILE=str(tmp_path / "url"))
    assert load_config().database_url == url
    hidden = {name for name, field in Config.model_fields.items() if not field.repr}
    assert {FIELDS[name] for name in SECRETS} == hidden


def test_any_provider_host_is_for_a_gu1_on_loopback(environment):
    environment(GU1_PROVIDER_HOSTS="*", GU1_BASE_URL="http://127.0.0.1:9000")
    assert load_config().gu1_provider_hosts == ("*",)


@pytest.mark.asvs("13.3.1")
def test_secrets_stay_out_of_what_a_traceback_shows(environment):
    environment(PORTAL_DATABASE_URL=f"postgresql+psycopg://u:{SECRET}@db/x")
    assert SECRET not in repr(load_config()) + str(load_config())


def test_settings_do_not_change_while_it_runs(environment):
    with pytest.raises(ValueError, match="frozen"):
        load_config().max_attempts = 9


def test_postgresql_needs_keys_that_are_given(environment):
    environment(PORTAL_SECRET_KEYS=None, PORTAL_DATABASE_URL="postgresql+psycopg://u:p@db/x")
    assert complaint().startswith("PORTAL_SECRET_KEYS: required")


@pytest.mark.asvs("13.3.2")
def test_key_file_is_made_once_for_the_owner_only(environment, tmp_path):
    environment(PORTAL_SECRET_KEYS=None)
    keys = load_config().secret_keys
    (file,) = tmp_path.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("portal.db.keys", 0o600)
    assert load_config().secret_keys == keys == (file.read_text().strip(),)
    assert len(keys[0]) >= 32


@pytest.mark.long
def test_processes_that_race_for_the_first_key_agree(environment, tmp_path):
    environment(PORTAL_SECRET_KEYS=None)
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_config().secret_keys, range(64)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["portal.db.keys"]


def test_key_file_may_hold_older_keys_too(environment, tmp_path):
    environment(PORTAL_SECRET_KEYS=None)
    (tmp_path / "portal.db.keys").write_text(f"{'n' * 32}\n{'o' * 32}\n")
    assert load_config().secret_keys == ("n" * 32, "o" * 32)


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n", b"\xff\xfe"])
def test_useless_key_file_stops_the_start(environment, tmp_path, content):
    environment(PORTAL_SECRET_KEYS=None)
    (tmp_path / "portal.db.keys").write_bytes(content)
    assert complaint().startswith("PORTAL_SECRET_KEYS: ")


def test_folder_that_does_not_exist_stops_the_start(environment):
    environment(PORTAL_SECRET_KEYS=None, PORTAL_DATABASE_URL="sqlite:///missing/portal.db")
    assert complaint().startswith("PORTAL_SECRET_KEYS: ")


def test_secrets_may_come_from_files(environment, tmp_path):
    for name, text in {"PORTAL_SECRET_KEYS": f"{'n' * 32}\n{'o' * 32}\n", "GU1_API_KEY": f"{SECRET}\n"}.items():
        (tmp_path / name).write_text(text)
        environment(**{name: None, f"{name}_FILE": str(tmp_path / name)})
    assert load_config().secret_keys == ("n" * 32, "o" * 32)
    assert load_config().gu1_api_key == SECRET


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_secret_file_that_cannot_be_read_stops_the_start(environment, tmp_path, content):
    if content:
        (tmp_path / "key").write_bytes(content)
    environment(GU1_API_KEY="", GU1_API_KEY_FILE=str(tmp_path / "key"))
    assert complaint().startswith("GU1_API_KEY_FILE: cannot be read")


def test_secret_that_is_given_twice_stops_the_start(environment, tmp_path):
    environment(GU1_API_KEY_FILE=str(tmp_path / "key"))
    assert complaint().startswith("GU1_API_KEY: is set twice")


GUESSABLE = [
    "short",
    "k" * 40,
    "secretsecretsecretsecretsecretsecret",
    "abc" * 20,
    "0101010110101001010101010101010101",
]


@pytest.mark.asvs("6.3.2", "13.2.3")
@pytest.mark.parametrize("secret", GUESSABLE)
def test_secret_that_can_be_guessed_stops_the_start_where_strangers_are(environment, secret):
    environment(PORTAL_BASE_URL="https://kyc.example.com", GU1_WEBHOOK_SECRETS=f"{SECRET},{secret}")
    assert complaint().startswith("GU1_WEBHOOK_SECRETS: too easy to guess")
    environment(GU1_WEBHOOK_SECRETS=SECRET, PORTAL_SECRET_KEYS=f"{SECRET},{secret * 8}")
    assert complaint().startswith("PORTAL_SECRET_KEYS: too easy to guess")
    environment(PORTAL_BASE_URL="http://localhost:8000")
    assert load_config().secret_keys[1] == secret * 8


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (f'"{SECRET}"', "is in quotes"),
        (f"'{SECRET}'", "is in quotes"),
        (f"“{SECRET}”", "is in quotes"),
        (f'"{SECRET}', "has a quote at one end"),
        ('"w1"', "is in quotes"),
        ("w", "1 character only"),
        ("w1", "2 characters only"),
        ("k" * 32, "one character 32 times"),
        ("abc" * 20, "the same 3 characters over and over"),
        ("12345678901234567890123456789012", "as they stand in the alphabet or on a keyboard"),
        ("abcdefghijklmnopqrstuvwxyz012345", "as they stand in the alphabet or on a keyboard"),
        ("qwertyuiopasdfghjklzxcvbnmqwertyui", "as they stand in the alphabet or on a keyboard"),
        ("FEDCBA9876543210", "as they stand in the alphabet or on a keyboard"),
        ("change-me-change-me-please-1234", "an example's placeholder"),
        ("your-webhook-secret-from-the-dashboard", "an example's placeholder"),
        ("${GU1_WEBHOOK_SECRET_FROM_VAULT}", "a variable or a command that nothing filled in"),
        ("$(openssl rand -hex 32)", "a variable or a command that nothing filled in"),
        ("<secret from the dashboard>", "a variable or a command that nothing filled in"),
        ("GU1_WEBHOOK_SECRETS=Kd2mQx9vTzW4cLr8YbNq5hFe1u", "begins with the setting's own name"),
    ],
)
def test_weak_secret_is_named_as_what_it_most_likely_is(environment, secret, says):
    environment(GU1_WEBHOOK_SECRETS=secret)
    (problem,) = weak_secrets(load_config()).values()
    assert says in problem and secret not in problem
    environment(PORTAL_BASE_URL="https://kyc.example.com")
    assert complaint() == f"GU1_WEBHOOK_SECRETS: {problem}"


@pytest.mark.parametrize("key", [f'"gk_prod_{SECRET}"', f"Bearer {SECRET}", f"GU1_API_KEY={SECRET}"])
def test_api_key_that_was_not_copied_as_it_is_stops_the_start(environment, key):
    environment(PORTAL_BASE_URL="https://kyc.example.com", GU1_API_KEY=key)
    assert complaint().startswith("GU1_API_KEY: ")


def test_random_secrets_are_not_weak():
    for make in (token_hex, token_urlsafe):
        assert not [secret for secret in (make(24) for _ in range(500)) if guessable(secret) or miscopied(secret)]


@pytest.mark.asvs("13.3.2")
def test_key_file_that_others_may_read_is_taken_from_them(environment, tmp_path):
    environment(PORTAL_SECRET_KEYS=None)
    file = tmp_path / "portal.db.keys"
    file.write_text("n" * 32)
    file.chmod(0o644)
    load_config()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
