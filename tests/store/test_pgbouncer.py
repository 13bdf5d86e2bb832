"""A real PgBouncer between the portal and PostgreSQL: as installed, and in each of its modes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import URL, Engine, make_url, text

from portal.cli import main
from portal.domain.errors import StoreUnavailable
from portal.services.ports import PollState
from portal.store.database import Schema, make_engine, migrate, reads, schema_of, writes
from portal.store.database_errors import store_errors
from portal.store.encryption import ColumnCipher
from portal.store.poll_reader import PollReader
from portal.store.pooler import Pooler, pooler_of
from portal.store.quick_reads import QuickReads
from portal.store.repository import Repository
from portal.store.wake_channel import WakeChannel
from tests.databases import clear
from tests.factories import NOW, an_onboarding
from tests.pgbouncer import needs_pgbouncer, pgbouncer, running_pgbouncer
from tests.ports import free_port
from tests.postgres import binaries, connected, own_cluster

pytestmark = [needs_pgbouncer, pytest.mark.postgresql]

AS_INSTALLED = None
TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture(params=[AS_INSTALLED, "session", "transaction"])
def mode(request) -> str | None:
    return request.param


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def pooled(mode, migrated_url) -> Iterator[URL]:
    connections = 3 if mode == "transaction" else 30  # in session mode each client keeps one
    with pgbouncer(make_url(migrated_url), mode, connections) as url:
        yield url


@pytest.fixture
def through(pooled) -> Iterator[Engine]:
    """The portal's engine."""
    engine = make_engine(pooled.render_as_string(hide_password=False), pool_size=8)
    yield engine
    engine.dispose()


def the_settings(connection) -> list[str]:
    return [connection.scalar(text(f"SHOW {name}")) for name in TIMEOUTS]


def test_schema_is_made_and_read_through_it(through, mode, migrated_url):
    clear(make_url(migrated_url))
    migrate(through)
    assert schema_of(through) is Schema.CURRENT
    assert pooler_of(through) is (Pooler.TRANSACTION if mode == "transaction" else Pooler.SESSION)


def test_without_one_there_is_none(database_url):
    engine = make_engine(database_url)
    assert pooler_of(engine) is None
    with reads(engine).connect() as connection:
        assert the_settings(connection) == ["10s", "5s", "10s"]
        assert connection.connection.driver_connection.prepare_threshold
    engine.dispose()


def test_everybody_gets_their_own_rows(through):
    """With more clients than connections, so that each runs on what another one used."""
    repository = Repository(through, ColumnCipher(["a secret for tests"]))
    polls = PollReader(QuickReads(through, timeout=10))

    def work(index: int) -> bool:
        added = repository.add(an_onboarding(external_id=f"customer-{index}", due_at=NOW))
        for _ in range(12):
            assert repository.get(added.id).external_id == f"customer-{index}"
            assert polls.read(added.id) == tuple(getattr(added, name) for name in PollState._fields)
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(16)))
    claimed = repository.claim(now=NOW, lease_until=NOW + timedelta(seconds=30), limit=20)
    assert len(claimed) == 16


def test_time_limits_hold_for_the_portal_and_for_nobody_else(through, pooled):
    for use in (reads, writes):
        for _ in range(4):
            with use(through).connect() as connection:
                assert the_settings(connection) == ["10s", "5s", "10s"]
    through.dispose()
    with connected(pooled) as somebody_else:
        assert [somebody_else.execute(f"SHOW {name}").fetchone()[0] for name in TIMEOUTS] == ["0", "0", "0"]


def test_a_read_that_failed_leaves_its_connection_usable(through):
    for _ in range(4):
        with pytest.raises(Exception, match="division by zero"), reads(through).connect() as connection:
            connection.execute(text("SELECT 1 / 0"))
        with reads(through).connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_nobody_listens_on_a_connection_that_others_get(through, caplog):
    caplog.set_level("INFO")
    channel, stopping = WakeChannel(through), threading.Event()

    def is_told() -> bool:
        return "notifications do not arrive" in caplog.text

    channel.listen({}, lambda: stopping.is_set() or is_told())
    assert is_told() and not channel.is_open
    channel.notify("onboardings")
    with reads(through).connect() as connection:
        assert connection.scalars(text("SELECT pg_listening_channels()")).all() == []


@pytest.mark.parametrize("mode", ["statement"])
def test_mode_without_transactions_is_named(pooled):
    engine = make_engine(pooled.render_as_string(hide_password=False))
    with pytest.raises(StoreUnavailable, match=r"08P01.*pool_mode"):
        migrate(engine)
    engine.dispose()


@pytest.mark.parametrize("mode", ["statement", "session", "transaction"])
def test_check_names_pooler_and_mode(pooled, mode):
    result = CliRunner().invoke(
        main,
        ["check"],
        env={
            "PORTAL_DATABASE_URL": pooled.render_as_string(hide_password=False),
            "PORTAL_SECRET_KEYS": "k" * 32,
            "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
            "GU1_API_KEY": "key",
            "GU1_WEBHOOK_SECRETS": "secret",
        },
    )
    assert f"{mode} mode" in result.output and "PgBouncer" in result.output
    assert ("database       FAILED" in result.output) is (mode == "statement")


@pytest.mark.parametrize("mode", ["transaction"])
def test_connection_that_the_pooler_closed_is_told_as_an_outage(database_url, mode):
    """As whoever calls the store is used to, and the next one gets a new connection."""
    with running_pgbouncer(make_url(database_url), mode, 3) as pooler:
        engine = make_engine(pooler.url.render_as_string(hide_password=False))
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))
        pooler.stop()
        pooler.start()
        with pytest.raises(StoreUnavailable), store_errors(engine), engine.begin():
            pass
        with store_errors(engine), engine.begin() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        engine.dispose()


@pytest.mark.slow
@pytest.mark.skipif(binaries() is None, reason="needs PostgreSQL's server programs")
def test_pooler_replaced_or_pausing_while_postgresql_is_away_costs_nobody_anything():
    with own_cluster() as cluster:
        assert cluster
        with running_pgbouncer(cluster.url, "transaction", 3) as pooler:
            engine = make_engine(pooler.url.render_as_string(hide_password=False))
            answers = []

            def ask() -> None:
                with store_errors(engine), engine.begin() as connection:
                    answers.append(connection.scalar(text("SELECT 1")))

            ask()
            pooler.replace()
            ask()
            pooler.command("PAUSE")
            cluster.stop()
            waiting = threading.Thread(target=ask)
            waiting.start()
            cluster.start()
            pooler.command("RESUME")
            waiting.join(10)
            engine.dispose()
    assert answers == [1, 1, 1]
