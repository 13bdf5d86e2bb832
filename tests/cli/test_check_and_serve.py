import json
import socket
from importlib.metadata import version

import psycopg
import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.cli.serve import available_cores
from portal.cli.setting_warnings import warnings_about
from portal.config import FIELDS, Config
from portal.environment import Environment
from portal.settings import Settings
from tests.ports import free_port

SECRET = "hush-hush-hush-hush-hush-hush-hush"


@pytest.fixture
def portal(tmp_path):
    """Runs a command with an environment of its own."""
    base = {
        "PORTAL_DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}",
        "PORTAL_SECRET_KEYS": SECRET,
        "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "GU1_API_KEY": SECRET,
        "GU1_WEBHOOK_SECRETS": SECRET,
    }

    def run(*command, **changes):
        result = CliRunner().invoke(main, command, env=base | changes)
        assert SECRET not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def table(result):
    return {line.split("  ")[0].strip(): line for line in result.output.splitlines()}


def test_check_says_which_part_fails_and_exits_with_1(portal):
    portal("migrate")
    result = portal("check")
    rows = table(result)
    assert result.exit_code == 1
    assert [name for name, row in rows.items() if "FAILED" in row] == ["gu1 key"]
    assert all(rows[name].endswith("ok") for name in ("configuration", "database", "schema"))


def test_check_is_content_with_a_file_that_serve_will_make(portal):
    rows = table(portal("check"))
    assert all(rows[name].endswith("ok") for name in ("database", "schema"))


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_check_says_that_postgresql_lacks_the_schema(portal, database_url):
    rows = table(portal("check", PORTAL_DATABASE_URL=database_url, PORTAL_SECRET_KEYS="k" * 32))
    assert rows["database"].endswith("ok")
    assert "portal migrate" in rows["schema"]


@pytest.mark.parametrize("command", ["check", "migrate", "serve"])
def test_database_in_a_missing_folder_is_a_message_and_no_traceback(portal, tmp_path, command):
    result = portal(command, PORTAL_DATABASE_URL=f"sqlite:///{tmp_path / 'missing' / 'portal.db'}")
    assert result.exit_code == 1
    assert "folder of the database does not exist" in result.output


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("pool_size", "verdict"), [("1", "ok"), ("100", "WARNING")])
def test_check_compares_the_sum_of_connections_with_what_the_server_allows(portal, database_url, pool_size, verdict):
    settings = {"PORTAL_DATABASE_URL": database_url, "PORTAL_SECRET_KEYS": "k" * 32}
    result = portal("check", PORTAL_DATABASE_POOL_SIZE=pool_size, **settings)
    assert table(result)["database"].endswith(verdict)
    assert f"× {2 * int(pool_size) + 5} = " in result.output
    assert ("raise max_connections" in result.output) is (verdict == "WARNING")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("storage", "names_it"), [("memory://", True), ("redis://127.0.0.1:1", False)])
def test_check_says_that_machines_count_requests_apart(portal, database_url, storage, names_it):
    settings = {"PORTAL_DATABASE_URL": database_url, "PORTAL_SECRET_KEYS": "k" * 32}
    plain = database_url.replace("+psycopg", "")
    with (
        psycopg.connect(plain, application_name="portal@one"),
        psycopg.connect(plain, application_name="portal@another"),
    ):
        result = portal("check", PORTAL_RATE_LIMIT_STORAGE=storage, **settings)
    assert ("machines allows as much" in result.output) is names_it


@pytest.mark.parametrize("host", ["", "a b", "a..example", "a" * 300, "300.1.1.1"])
def test_what_is_no_host_is_refused_with_one_line(portal, host):
    result = portal("serve", "--host", host)
    assert result.output.splitlines()[-1].startswith(f"Error: cannot serve on {host}:8000: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_port_that_another_portal_serves_is_refused_with_one_line(portal, tmp_path, host):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as the server sets it
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = portal("serve", "--host", host, "--port", str(port))
    assert result.output.splitlines()[-1] == f"Error: cannot serve on {host}:{port}: Address already in use"
    assert not (tmp_path / "portal.db").exists()


def test_migrate_may_be_run_again(portal):
    assert [portal("migrate").exit_code for _ in range(2)] == [0, 0]
    assert "up to date" in portal("migrate").output


@pytest.mark.parametrize("command", ["check", "migrate", "serve"])
def test_a_wrong_configuration_names_each_bad_value(portal, command):
    result = portal(command, PORTAL_MAX_ATTEMPTS="none", GU1_API_KEY="")
    assert result.exit_code == 1
    assert "PORTAL_MAX_ATTEMPTS" in result.output and "GU1_API_KEY" in result.output


def test_faults_of_settings_and_partners_file_are_named_at_once(portal, tmp_path):
    partners = tmp_path / "partners.toml"
    partners.write_text('[partners.shop]\nname = "Shop"\ncapture = "popup"\n')
    result = portal(
        "check", PORTAL_PARTNERS_FILE=str(partners), PORTAL_CAPTURE="popup", GU1_API_KEY="", GU1_APIKEY=SECRET
    )
    assert result.exit_code == 1
    for named in ("PORTAL_CAPTURE: ", "GU1_API_KEY: ", "partners.shop.capture: ", "shop.signing_secrets: "):
        assert named in result.output
    assert "GU1_APIKEY: no such setting, so it has no effect; did you mean GU1_API_KEY?" in result.output


def test_check_names_settings_that_do_not_exist(portal):
    result = portal("check", PORTAL_TRUSTED_PROXY="1")
    assert "WARNING" in table(result)["configuration"]
    assert "did you mean PORTAL_TRUSTED_PROXIES?" in result.output


@pytest.mark.asvs("13.2.3")
@pytest.mark.parametrize("secret", ["w", "k" * 32, '"w1"'])
def test_check_names_secrets_that_most_likely_are_none(portal, secret):
    result = portal("check", GU1_WEBHOOK_SECRETS=secret)
    assert "WARNING" in table(result)["security"] and "\n  GU1_WEBHOOK_SECRETS" in result.output


@pytest.mark.asvs("13.1.1")
@pytest.mark.parametrize(
    ("given", "says", "warns"),
    [
        ({}, "directly", False),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "HTTPS_PROXY is set and not used", True),
        ({"PORTAL_EGRESS_PROXY": f"http://me:{SECRET}@proxy:3128"}, "through http://proxy:3128\n", False),
    ],
)
def test_check_says_which_way_calls_go_out(portal, given, says, warns):
    nothing = dict.fromkeys(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
    result = portal("check", **nothing | given)
    assert says in result.output and ("WARNING" in table(result)["egress"]) is warns


GU1, PUBLIC, MOCK = "https://api.gu1.ai", "https://kyc.example.com", "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("key", "gu1", "portal_at", "says"),
    [
        ("gk_sandbox_1", GU1, PUBLIC, "a sandbox key at https://api.gu1.ai"),
        ("sk_test_1", GU1, "http://127.0.0.1:8000", "a sandbox key at https://api.gu1.ai"),
        ("gk_prod_1", MOCK, PUBLIC, "a production key at http://127.0.0.1:9000"),
        ("sk_live_1", GU1, "http://127.0.0.1:8000", "a production key, which costs"),
        ("gk_sandbox_1", MOCK, PUBLIC, ""),
        ("gk_production_1", GU1, PUBLIC, ""),
        ("opaque", GU1, PUBLIC, ""),
    ],
)
def test_kind_of_key_is_compared_with_the_addresses(key, gu1, portal_at, says):
    config = Config(
        gu1_api_key=key, gu1_base_url=gu1, base_url=portal_at, gu1_webhook_secrets=("s",), trusted_proxies=1
    )
    found = warnings_about(Settings(config, Environment({}, {}, {})))
    assert bool(found) is bool(says) and says in "".join(it.found for it in found)


@pytest.mark.parametrize(("portal_at", "proxies", "warns"), [(PUBLIC, 0, True), (PUBLIC, 1, False), (MOCK, 0, False)])
def test_public_portal_that_believes_no_proxy_is_warned_of(portal_at, proxies, warns):
    given = {"gu1_api_key": "opaque", "gu1_base_url": GU1 if warns or proxies else MOCK, "gu1_webhook_secrets": ("s",)}
    found = warnings_about(
        Settings(Config(**given, base_url=portal_at, trusted_proxies=proxies), Environment({}, {}, {}))
    )
    assert [(it.what, it.is_warning) for it in found] == [("PORTAL_TRUSTED_PROXIES", True)] * warns


@pytest.mark.parametrize(("smtp_url", "name"), [("smtp://127.0.0.1", None), ("smtp://127.0.0.1", "Sur"), (None, None)])
def test_mails_of_nobody_are_warned_of(smtp_url, name):
    given = {"gu1_api_key": "opaque", "gu1_base_url": MOCK, "gu1_webhook_secrets": ("s",)}
    config = Config(**given, base_url=MOCK, smtp_url=smtp_url, mail_from="a@example.com", operator_name=name)
    found = warnings_about(Settings(config, Environment({}, {}, {})))
    assert [it.what for it in found] == ["PORTAL_OPERATOR_NAME"] * bool(smtp_url and not name)


def test_version_is_the_package_s(portal):
    assert portal("--version").output == f"portal, version {version('kyc-onboarding-portal')}\n"


def test_config_shows_what_holds_and_where_it_comes_from(portal, tmp_path):
    (tmp_path / "secrets").write_text(f"{SECRET}\n")
    changes = {
        "PORTAL_DATABASE_URL": f"postgresql+psycopg://portal:{SECRET}@db/portal?password={SECRET}",
        "GU1_WEBHOOK_SECRETS": "",
        "GU1_WEBHOOK_SECRETS_FILE": str(tmp_path / "secrets"),
        "PORTAL_METRICS_TOKEN": SECRET,
        "PORTAL_EGRESS_PROXY": f"https://{SECRET}:{SECRET}@proxy",
        "PORTAL_MAX_ATTEMPTS": "5",
    }
    shown = json.loads(portal("config", "--json", **changes).output)
    assert shown.keys() == FIELDS.keys()
    assert shown["PORTAL_MAX_ATTEMPTS"] == {"value": 5, "source": "environment"}
    assert shown["PORTAL_ATTEMPTS_WINDOW"] == {"value": "24h", "source": "default"}
    assert shown["PORTAL_DATABASE_URL"]["value"] == "postgresql+psycopg://portal:***@db/portal"
    assert shown["PORTAL_EGRESS_PROXY"]["value"] == "https://proxy"
    assert shown["GU1_WEBHOOK_SECRETS"] == {"value": ["*** (34 characters)"], "source": f"file {tmp_path / 'secrets'}"}
    rows = portal("config", **changes).output.splitlines()
    assert [row.split()[0] for row in rows] == ["setting", *FIELDS]


@pytest.mark.parametrize("command", ["serve", "check", "migrate"])
def test_each_command_has_a_line_of_help(portal, command):
    assert f"  {command}  " in portal("--help").output
    assert portal(command, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 1", None), ("3 2", 2), ("1 2", 1), ("", None), ("9999 1", None)],
)
def test_worker_for_each_core_that_this_process_may_use(tmp_path, limit, cores):
    """The cgroup's limit, unless the machine itself has fewer."""
    (tmp_path / "cpu.max").write_text(limit)
    everything = available_cores(tmp_path / "none")
    assert available_cores(tmp_path / "cpu.max") == min(cores or everything, everything)
