"""Commands that take long say how far they are, end by Ctrl-C with one line and 130, and go on when they run again."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from click.testing import CliRunner
from sqlalchemy import func, insert, select, text

from portal.cli import main
from portal.store.database import (
    Schema,
    alembic_config,
    make_engine,
    migration,
    migrations_left,
    schema_of,
    writes,
)
from portal.store.encryption import ColumnCipher
from portal.store.installation_history import InstallationHistory
from portal.store.outbox import Outbox
from portal.store.repository import Repository
from portal.store.sealed_values import SealedValues
from portal.store.tables import events, onboardings, restores
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding
from tests.ports import free_port
from tests.store.outbox import add_events, notifying_store

pytestmark = [
    pytest.mark.long,  # for its processes
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc, which only Linux has"),
]

OLD, NEW = "old-7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp", "new-9vTzW4cLr8YbNq5hFe1uXp7Kd2mQx"
MANY = 4000
PATIENCE = 60


def settings(url):
    return {
        "PORTAL_DATABASE_URL": url,
        "PORTAL_SECRET_KEYS": f"{NEW},{OLD}",
        "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "GU1_API_KEY": NEW,
        "GU1_WEBHOOK_SECRETS": NEW,
    }


def start(url, *command, **streams):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    env = os.environ | settings(url)
    return subprocess.Popen([sys.executable, "-m", "portal", *command], env=env, text=True, **pipes)


def interrupted(process, *, after=None):
    """What it printed, once it ended by SIGINT after a line that holds `after`."""
    said = ""
    while after is not None and after not in said:
        line = process.stderr.readline()
        assert line, f"ended early: {said}"
        said += line
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, ""), said + rest
    assert "Traceback" not in rest
    last = rest.splitlines()[-1]
    assert last.startswith("Interrupted: "), rest
    return last


def finished(url, *command):
    """What it prints if nobody interrupts it; in this process, because a start takes longer."""
    result = CliRunner().invoke(main, command, env=settings(url))
    assert result.exit_code == 0, result.stderr
    return result.stdout


@contextmanager
def locked(engine, table):
    """Nobody else writes meanwhile: to SQLite's file, or to PostgreSQL's table."""
    with writes(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
        yield


def wait_until_it_waits(engine, process):
    deadline = time.monotonic() + PATIENCE
    while not waits_for_a_lock(engine, process):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def waits_for_a_lock(engine, process):
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            return connection.scalar(text(waiting))
    return Path(engine.url.database) in set(open_files(process))


def open_files(process):
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield descriptor.readlink()


def multiply(engine, table, **of_each):
    """Copies of the only row of a table."""
    with writes(engine).begin() as connection:
        only = connection.execute(select(table)).mappings().one()
        row = {it.key: only[it] for it in table.c}
        connection.execute(insert(table), [row | {name: it(n) for name, it in of_each.items()} for n in range(MANY)])


@pytest.fixture
def many_old(database):
    """Finished onboardings of 40 days ago, their details sealed with the old key."""
    then = datetime.now(UTC) - timedelta(days=40)
    only = an_onboarding(submission=None, document_digest=None, due_at=None, created_at=then, updated_at=then)
    Repository(database, ColumnCipher([OLD])).add(only)
    multiply(database, onboardings, id=lambda n: f"{only.id}-{n}")


def count(engine, table, *where):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where))


def noted(database):
    """The newest entry of the installation's history."""
    return InstallationHistory(database).newest(limit=1)[0].details


@on_both_databases
@pytest.mark.usefixtures("many_old")
def test_purge(migrated_url, database):
    process = start(migrated_url, "purge", "--days", "39", "--json")
    said = interrupted(process, after="deleted")
    deleted = int(re.fullmatch(r"Interrupted: (\d+) deleted\. Run it again to go on\.", said)[1])
    # The last slice may be noted that was not shown any more.
    assert noted(database) in {f"onboardings: {it}, not changed for days: 39" for it in (deleted, deleted + 100)}
    left = count(database, onboardings)
    assert 0 < left < MANY
    assert MANY + 1 - left in {deleted, deleted + 100}  # the last commit may not have been counted
    assert json.loads(finished(migrated_url, "purge", "--days", "39", "--json"))["deleted"] == left
    assert count(database, onboardings) == 0


@on_both_databases
@pytest.mark.usefixtures("many_old")
def test_rekey(migrated_url, database):
    said = interrupted(start(migrated_url, "rekey"), after="sealed anew")
    resealed = re.fullmatch(r"Interrupted: \d+ looked at, (\d+) sealed anew\. Run it again to go on\.", said)[1]
    assert int(re.search(r"sealed anew: (\d+)", noted(database))[1]) >= int(resealed) > 0
    sealed = SealedValues(database, ColumnCipher([NEW, OLD]))
    by_key = sealed.count_by_key(limit=2 * MANY)
    assert 0 < by_key[0] < MANY + 1 == by_key.total()
    assert json.loads(finished(migrated_url, "rekey", "--json"))["resealed"] == by_key[1]
    assert sealed.count_by_key(limit=2 * MANY) == {0: MANY + 1}


@on_both_databases
def test_resend(migrated_url, database):
    add_events(notifying_store(database))
    (claimed,) = Outbox(database).claim("shop", now=NOW, lease_until=NOW + timedelta(seconds=40), limit=1)
    Outbox(database).retry_later(claimed, due_at=None, outcome="gone")
    multiply(database, events, id=lambda n: f"evt_{n}", sequence=lambda n: n + 10)
    resend = ("partner", "resend", "--partner", "shop", "--undelivered")
    said = interrupted(start(migrated_url, *resend), after="scheduled")
    scheduled = int(re.fullmatch(r"Interrupted: (\d+) scheduled\. Run it again to schedule the others\.", said)[1])
    due = count(database, events, events.c.due_at.is_not(None))
    assert due in {scheduled, scheduled + 500}
    assert due < MANY
    assert finished(migrated_url, *resend, "--json") == f'{{"scheduled": {MANY + 1}}}\n'
    assert count(database, events, events.c.due_at.is_(None)) == 0


@on_both_databases
def test_restore_check_is_noted_or_not(migrated_url, database):
    with locked(database, "restores"):
        process = start(migrated_url, "restore-check")
        wait_until_it_waits(database, process)
        assert interrupted(process) == "Interrupted: nothing was changed. Run it again."
    assert count(database, restores) == 0
    assert json.loads(finished(migrated_url, "restore-check", "--json"))["restore"] == 1


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_migrations_that_were_applied_stay(database_url):
    engine = make_engine(database_url)
    with migration(engine) as connection:
        command.upgrade(alembic_config(connection), "0030")
    left = migrations_left(engine)
    with engine.begin() as long_transaction:
        long_transaction.execute(text("SELECT count(*) FROM onboardings"))
        said = interrupted(start(database_url, "migrate"), after="another transaction uses the tables")
    still = migrations_left(engine)
    assert 0 < still < left
    assert said == f"Interrupted: {left - still} of {left} migrations applied. Run it again to go on."
    assert json.loads(finished(database_url, "migrate", "--json")) == {"applied": still}
    assert schema_of(engine) is Schema.CURRENT
    engine.dispose()


def test_migrations_of_sqlite_are_applied_together(database_url):
    engine = make_engine(database_url)
    with migration(engine) as connection:
        command.upgrade(alembic_config(connection), "0030")
    left = migrations_left(engine)
    with locked(engine, "onboardings"):
        said = interrupted(start(database_url, "migrate"), after=f"0 of {left} migrations applied")
        assert said == f"Interrupted: 0 of {left} migrations applied. Run it again to go on."
    assert migrations_left(engine) == left
    assert "up to date" in finished(database_url, "migrate")
    assert migrations_left(engine) == 0
    engine.dispose()


@pytest.mark.usefixtures("many_old")
def test_a_terminal_shows_one_line_that_changes(migrated_url):
    ours, its = pty.openpty()
    process = start(migrated_url, "purge", "--days", "39", stderr=its)
    os.close(its)
    process.communicate(timeout=PATIENCE)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert shown.startswith("\r100 deleted\r200 deleted")
    assert shown.endswith(f"\r{MANY + 1} deleted\r\n")
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("many_old")
def test_elsewhere_there_are_few_lines(migrated_url):
    process = start(migrated_url, "purge", "--days", "39")
    _, said = process.communicate(timeout=PATIENCE)
    lines = said.splitlines()
    assert (lines[0], lines[-1]) == ("100 deleted", f"{MANY + 1} deleted")
    assert len(lines) < 10


def test_other_commands_end_by_ctrl_c_too(migrated_url, database):
    process = start(migrated_url, "status", "--watch")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (130, "Interrupted: nothing is half done.\n")


def test_benches_end_by_ctrl_c():
    imports = "import time; from e2e.bench.command import run_command; "
    bench = imports + "run_command(lambda: print(1, flush=True) or time.sleep(99))"
    process = subprocess.Popen([sys.executable, "-c", bench], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert said == "\nInterrupted: what was started is stopped; tables printed so far hold.\n"
