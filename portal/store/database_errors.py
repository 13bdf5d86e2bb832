"""Turns errors of the database into `StoreUnavailable`, and says what failed, where, and what to do."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError

from portal.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

BETWEEN_LINES = 60.0
"""Seconds in which one text is logged once, unless it is a bug: an outage meets every request, and one line says it."""

_REPORT = "this is a bug ({kind}): report it with this line"
_MIGRATE = "run portal migrate"
_MISSING_TABLE = f"the database lacks what this release needs: {_MIGRATE}"
_SERVER_STOPS = "the server stops or starts; the portal connects again by itself"
_POOLERS = "see docs/operating.md, Poolers"
_LOGIN = "compare role and password in PORTAL_DATABASE_URL with the server, and its pg_hba.conf"
_POSTGRESQL: Mapping[str, str] = {
    "08": "the server does not answer: see that it runs, and that PORTAL_DATABASE_URL names its host and port",
    "08P01": "a pooler such as PgBouncer refused; if it is in statement mode, set pool_mode to transaction or session:"
    f" {_POOLERS}",
    "0A": "the server or a pooler in front of it does not support what the portal needs",
    "22": _REPORT,
    "23": _REPORT,
    "25006": "the server takes no writes: PORTAL_DATABASE_URL has to name the primary, not a standby",
    "25P": "a transaction stood still for too long and was ended; its step is tried again",
    "26": f"a pooler mixes up prepared statements: {_POOLERS}",
    "28": _LOGIN,
    "3D": "the database does not exist: CREATE DATABASE {database} OWNER {role}",
    "3F": _MISSING_TABLE,
    "40": "transactions met and one was ended; its step is tried again",
    "42501": "the role may not do that: ALTER DATABASE {database} OWNER TO {role}, and the tables in it likewise",
    "42P01": _MISSING_TABLE,
    "42703": _MISSING_TABLE,
    "42": _REPORT,
    "53100": "the server's disk is full: make room",
    "53300": "the server or its pooler has no connection left: raise max_connections or the pooler's limits, or lower"
    " PORTAL_DATABASE_POOL_SIZE",
    "53": "the server is short of memory or disk: see its log",
    "55P03": "another transaction holds a lock: pg_stat_activity shows whose",
    "57014": "a statement took too long and was ended: pg_stat_activity shows what else runs",
    "57P": _SERVER_STOPS,
    "58": "the server could not read or write its files: see its log",
    "XX": "the server met an error of its own: see its log",
}
"""What to do, by SQLSTATE or by how it begins; the longest that fits counts."""

# libpq reports why it could not connect in words only. The server sends them before it knows a language.
_CONNECT_STATES: tuple[tuple[str, str], ...] = (
    (r"password authentication failed|no password supplied|no such user", "28P01"),
    (
        r"pg_hba\.conf|role .* does not exist|not permitted to log in|authentication failed|requires .*authentication",
        "28000",
    ),
    (r"unsupported startup parameter|statement pooling mode", "08P01"),
    (r"database .* does not exist|no such database", "3D000"),
    (r"permission denied for database", "42501"),
    (r"too many clients|connection slots|too many connections|no more connections allowed|query_wait_timeout", "53300"),
    (r"starting up|shutting down|in recovery mode|not yet accepting connections", "57P03"),
    (r"terminating connection due to administrator command", "57P01"),
)
_SQLITE: Mapping[str, str] = {
    "SQLITE_BUSY": "another program holds the file's lock: end what else writes to it, such as a backup or a shell",
    "SQLITE_LOCKED": "another connection holds the table's lock: end what else writes to it",
    "SQLITE_FULL": "the disk is full: make room",
    "SQLITE_READONLY": "the file or its folder may not be written: give both to the user as whom the portal runs",
    "SQLITE_PERM": "the file may not be used: give it to the user as whom the portal runs",
    "SQLITE_CANTOPEN": "the file cannot be opened: its folder has to exist and to belong to the portal's user",
    "SQLITE_IOERR": "the disk failed, or the file is on a network: SQLite needs a disk of this machine",
    "SQLITE_CORRUPT": "the file is damaged: stop the portal and put a backup in its place",
    "SQLITE_NOTADB": "the file is no SQLite database: PORTAL_DATABASE_URL has to name another",
    "SQLITE_NOMEM": "this machine is short of memory",
    "SQLITE_CONSTRAINT": _REPORT,
    "SQLITE_MISMATCH": _REPORT,
    "SQLITE_SCHEMA": _MISSING_TABLE,
}
"""What to do, by how SQLite's name of the error begins."""
_NO_CONNECTION = "no connection in time"
_ABOUT_ALL = (
    *("08", "25006", "28", "3D", "53", "57P", "58", "XX", _NO_CONNECTION),
    *(it for it in _SQLITE if it not in {"SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_SCHEMA"}),
)
"""How errors begin that are of the database and not of one transaction."""
_POOL = "all connections of this process are in use: the database is slow, or PORTAL_DATABASE_POOL_SIZE is too low"


class WriteFailed(StoreUnavailable):
    """The database works, and this transaction failed: others may not."""


class LockTaken(WriteFailed):
    """Another transaction held a lock for longer than this one may wait."""


@contextmanager
def store_errors(engine: Engine) -> Iterator[None]:
    """Raises `StoreUnavailable` instead of any SQLAlchemy error."""
    try:
        yield
    except SQLAlchemyError as error:
        # PostgreSQL's messages quote the row, so the cause must not reach a traceback.
        raise unavailable(error, engine.url) from None


def unavailable(error: Exception, url: URL) -> StoreUnavailable:
    """Logs the error of SQLAlchemy or of a driver."""
    text = described(error, url)
    _counted(_code(error, url))
    if _lines.passes(text) or "this is a bug" in text:
        log.error("the database failed: %s", text)
    kind = StoreUnavailable
    if text.startswith("SQLSTATE 55P03"):
        kind = LockTaken
    elif not _is_about_all(error, url):
        kind = WriteFailed
    return kind(f"the database failed: {text}")


def _is_about_all(error: Exception, url: URL) -> bool:
    """Whether any other transaction would fail now as well."""
    name, _ = _name_and_advice(error, url)
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return is_lost or name.removeprefix("SQLSTATE ").startswith(_ABOUT_ALL)


def described(error: Exception, url: URL) -> str:
    """Which error it is, at which server, database and role, and what to do. Quotes no message, row or password."""
    name, advice = _name_and_advice(error, url)
    return (
        f"{name} at {_place(url)}: {advice.format(database=url.database, role=url.username, kind=type(error).__name__)}"
    )


def count_failures(count: Callable[[str], None]) -> None:
    """From now on `count` is called with a short code of each failure."""
    global _counted  # noqa: PLW0603
    _counted = count


def _count_nothing(_code: str) -> None:
    pass


_counted: Callable[[str], None] = _count_nothing


def _code(error: Exception, url: URL) -> str:
    name, _ = _name_and_advice(error, url)
    return "pool" if name == _NO_CONNECTION else name.removeprefix("SQLSTATE ").partition(" ")[0]


def is_without_connections(error: Exception) -> bool:
    """The server refused a connection because all that it allows are in use."""
    return _postgresql(error)[0].startswith("SQLSTATE 53300")


def _name_and_advice(error: Exception, url: URL) -> tuple[str, str]:
    cause: object = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, TimeoutError):
        return _NO_CONNECTION, _POOL
    if isinstance(cause, SQLAlchemyError) or cause is None:
        return type(error).__name__, _REPORT
    return _sqlite(cause) if url.get_backend_name() == "sqlite" else _postgresql(cause)


def _place(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"file {Path(str(url.database).removeprefix('file:')).absolute()}"
    host, port = url.host or url.query.get("host", "local socket"), url.port or url.query.get("port", "5432")
    hosts = host if isinstance(host, str) else ",".join(host)
    return f"host {hosts}:{port}, database {url.database}, role {url.username or 'of the system user'}"


def _postgresql(cause: object) -> tuple[str, str]:
    state = getattr(cause, "sqlstate", None) or _connect_state(str(cause))
    fitting = [begin for begin in _POSTGRESQL if state.startswith(begin)]
    advice = _POSTGRESQL[max(fitting, key=len)] if fitting else "see the server's log"
    return f"SQLSTATE {state} ({type(cause).__name__})", advice


def _connect_state(text: str) -> str:
    """08006 for a connection that was lost, 08001 for one that never was."""
    for words, state in _CONNECT_STATES:
        if re.search(words, text):
            return state
    return "08006" if re.search(r"server closed|connection .*(lost|closed)|EOF|no answer", text) else "08001"


def _sqlite(cause: object) -> tuple[str, str]:
    name = getattr(cause, "sqlite_errorname", None) or type(cause).__name__
    if isinstance(cause, sqlite3.OperationalError) and re.search(r"no such (table|column)|has no column", str(cause)):
        return f"{name} (no such table or column)", _MISSING_TABLE
    advice = next((it for begin, it in _SQLITE.items() if name.startswith(begin)), _REPORT)
    return name, advice


class LineLimit:
    """Lets each text through once in `BETWEEN_LINES`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passed_at: dict[str, float] = {}

    def passes(self, text: str) -> bool:
        now = self._clock()
        self._passed_at = {it: at for it, at in self._passed_at.items() if now - at < BETWEEN_LINES}
        if text in self._passed_at:
            return False
        self._passed_at[text] = now
        return True


_lines = LineLimit()
