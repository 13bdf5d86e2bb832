"""What docs/operating.md says of backups, run by the letter: nothing is paid twice, and no notification is ignored."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url, update

from portal.domain.errors import NotSent
from portal.domain.status import Status
from portal.store.outbox import Outbox
from portal.store.restores import SEQUENCES, Restores
from portal.store.tables import restores
from tests.documents import OPERATING, snippet
from tests.store.outbox import add_events, notify_again, notifying_store

pytestmark = pytest.mark.own_database_file

TOOLS = {"sqlite": ["sqlite3"], "postgresql": ["pg_dump", "pg_restore"]}
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@pytest.fixture
def connect(shared_engines, config):
    """A new connection to the database; whatever the portal had open is closed."""

    def connect():
        shared_engines["portal"].close()
        return shared_engines["portal"].connect_to(config.database_url)

    return connect


@pytest.fixture
def run_documented(database_kind, config, tmp_path):
    """Runs the commands below a heading, as an operator would type them."""
    missing = [tool for tool in TOOLS[database_kind] if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    url = make_url(config.database_url)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PORTAL_DATABASE_URL": config.database_url,
        "GU1_API_KEY": "key",
        "GU1_WEBHOOK_SECRETS": "secret",
        "DATABASE": url.set(drivername="postgresql").render_as_string(hide_password=False),
        "PORTAL_SECRET_KEYS": ",".join(config.secret_keys),
    }
    (tmp_path / "portal.db.keys").write_text("a key")

    def run(what):
        script = snippet(OPERATING, f"### {what} {NAMES[database_kind]}", "sh")
        subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=environment, check=True, timeout=60)

    return run


@pytest.fixture
def begin_after_backup(start, work, run_documented, onboardings):
    """An onboarding of which the backup has only the form; returns how to read it."""
    started = start()
    run_documented("Backing up")
    work()
    return lambda: onboardings.get(started.id)


@pytest.fixture
def restore(run_documented, connect, clock):
    def restore():
        connect()
        run_documented("Restoring")
        with connect().begin() as connection:
            # The command went by the real clock.
            assert connection.execute(update(restores).values(restored_at=clock())).rowcount == 1
        clock.advance(seconds=90)

    return restore


@pytest.fixture
def paid(gu1):
    return lambda: len(gu1.named("create_validation"))


@pytest.fixture
def planned(start, work, gu1, clock):
    """An onboarding that stands before its first request."""
    gu1.failing["create_validation"] = NotSent("gu1 is down")
    started = start()
    work()
    gu1.failing.clear()
    clock.advance(seconds=1)
    return started


@pytest.fixture
def go_on(connect, clock, work, onboardings, planned):
    """After a restore, of a database that knows nothing of what happened at gu1; the validation that it comes to."""

    def go_on():
        Restores(connect()).record(clock())
        clock.advance(seconds=90)
        work()
        return onboardings.get(planned.id).validation

    return go_on


@pytest.mark.long
@pytest.mark.parametrize("verdict", [None, Status.APPROVED], ids=["open", "finished"])
def test_what_was_sent_after_the_backup_is_not_paid_again(begin_after_backup, restore, work, gu1, verdict):
    current = begin_after_backup
    if verdict:
        gu1.becomes("validation-1", verdict)
    restore()
    assert current().validation.gu1_id is None
    work()
    assert (current().validation.gu1_id, current().entity_id) == ("validation-1", "entity-1")
    assert current().validation.status is (verdict or Status.PENDING)
    assert len(gu1.named("create_validation")) == 1


@pytest.mark.parametrize("list_shows_metadata", [True, False])
def test_a_later_attempt_is_known_by_its_onboarding(planned, go_on, gu1, paid, list_shows_metadata):
    forgotten = gu1.late_validation("entity-1", "planned after the backup", onboarding_id=planned.id)
    gu1.list_shows_metadata = list_shows_metadata
    before, adopted = paid(), go_on()
    assert (adopted.gu1_id, adopted.nonce, paid()) == (forgotten.gu1_id, "planned after the backup", before)


def test_without_any_metadata_it_is_known_by_its_time(go_on, gu1, paid):
    forgotten = gu1.late_validation("entity-1", "unseen")
    gu1.shows_metadata = False
    before, adopted = paid(), go_on()
    assert (adopted.gu1_id, paid()) == (forgotten.gu1_id, before)


def test_another_onboardings_validation_is_not_taken(go_on, gu1):
    gu1.late_validation("entity-1", "another's", onboarding_id="another")
    assert go_on().gu1_id == "validation-2"


def test_nothing_is_sent_while_the_list_cannot_be_read_whole(go_on, gu1, paid):
    gu1.list_is_whole = False
    before, waiting = paid(), go_on()
    assert (waiting.gu1_id, paid()) == (None, before)


def test_where_gu1_has_nothing_one_look_comes_before_the_request(go_on, gu1):
    assert go_on().gu1_id == "validation-1"
    names = [name for name, *_ in gu1.calls if name in {"list_validations", "create_validation"}]
    assert names[-2:] == ["list_validations", "create_validation"]
    assert names.count("list_validations") == 1


def test_what_begins_after_the_restore_is_not_looked_for(connect, clock, begin, gu1):
    Restores(connect()).record(clock())
    clock.advance(seconds=1)
    begin()
    assert not gu1.named("list_validations")


def test_notifications_count_on_above_what_partners_have_seen(connect, clock):
    engine = connect()
    outbox, store = Outbox(engine), notifying_store(engine)

    def sequences(onboarding):
        return [it.sequence for it in outbox.events_of(onboarding.id, limit=100)]

    early = add_events(store, times=2)
    Restores(engine).record(clock())
    notify_again(store, early.id, times=2)
    assert sequences(early) == [1, 2, SEQUENCES + 1, SEQUENCES + 2]
    clock.advance(days=1)
    Restores(engine).record(clock())
    notify_again(store, early.id)
    assert sequences(early)[-1] == 2 * SEQUENCES + 1
