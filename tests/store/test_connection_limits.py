import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from portal.domain.errors import StoreUnavailable
from portal.store.connection_limits import connection_limits
from portal.store.database import make_engine
from portal.store.transactions import Transactions

ROLE = "portal_of_one_connection"


@pytest.fixture
def limited(postgres_database):
    """A role that may have one connection, and the address with it."""
    with psycopg.connect(postgres_database.set(drivername="postgresql").render_as_string(False), autocommit=True) as it:
        it.execute(f"DROP ROLE IF EXISTS {ROLE}")
        it.execute(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT 1")
        yield postgres_database.set(username=ROLE).render_as_string(hide_password=False)
        it.execute(f"DROP ROLE {ROLE}")


def reads_once(engine):
    with Transactions(engine).reading() as connection:
        return connection.scalar(text("SELECT current_setting('application_name')"))


def test_refused_connection_is_waited_for(limited):
    holder, engine = make_engine(limited), make_engine(limited, pool_timeout=5)
    held = holder.connect()
    timer = threading.Timer(0.5, lambda: (held.close(), holder.dispose()))
    timer.start()
    assert reads_once(engine).startswith("portal@")
    timer.join()
    engine.dispose()


def test_wait_for_a_refused_connection_ends(limited):
    holder, engine = make_engine(limited), make_engine(limited, pool_timeout=0.3)
    began = time.monotonic()
    with holder.connect(), pytest.raises(StoreUnavailable, match=r"SQLSTATE 53300 .*: .*raise max_connections"):
        reads_once(engine)
    assert time.monotonic() - began < 3
    holder.dispose()


def test_least_limit_counts(limited):
    engine = make_engine(limited)
    assert connection_limits(engine).allowed == 1
    engine.dispose()


def test_application_name_of_the_address_is_kept(postgres_database):
    url = postgres_database.update_query_dict({"application_name": "kyc-eu"}).render_as_string(hide_password=False)
    engine = make_engine(url)
    assert reads_once(engine) == "kyc-eu"
    engine.dispose()


def test_sqlite_has_no_limit(tmp_path: Path):
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    assert connection_limits(engine) is None
    engine.dispose()
