import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.cli.serve import available_cores
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


def test_migrate_may_be_run_again(portal):
    assert [portal("migrate").exit_code for _ in range(2)] == [0, 0]
    assert "up to date" in portal("migrate").output


@pytest.mark.parametrize("command", ["check", "migrate", "serve"])
def test_a_wrong_configuration_names_each_bad_value(portal, command):
    result = portal(command, PORTAL_MAX_ATTEMPTS="none", GU1_API_KEY="")
    assert result.exit_code == 1
    assert "PORTAL_MAX_ATTEMPTS" in result.output and "GU1_API_KEY" in result.output


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
