"""Faults of the database: busy, refusing to write, without its tables, gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from e2e.bench.matrix.faults import Begin, Fault, Strike
from e2e.bench.matrix.points import ALL_CALLS, ALL_PRESSES, Point
from e2e.bench.proxy import WirePoint
from e2e.in_process_rig import Rig

SHORT = 0.7
LONGER_THAN_A_LOCK_IS_WAITED_FOR = 5.6
_STEP = 0.05

_TABLES = ("onboardings", "validations")

Work = Callable[[Connection, float], None]


def _busy(connection: Connection, seconds: float) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.exec_driver_sql("ROLLBACK")
        return
    with connection.begin():
        connection.execute(text("LOCK TABLE onboardings IN ACCESS EXCLUSIVE MODE"))
        time.sleep(seconds)


def _refuses_writes(connection: Connection, seconds: float) -> None:
    """Like a full disk."""
    if connection.dialect.name == "sqlite":
        names = {f"full_{table}_{verb}": (verb, table) for table in _TABLES for verb in ("INSERT", "UPDATE")}
        made = [
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
            for name, (verb, table) in names.items()
        ]
        _between(connection, made, [f"DROP TRIGGER {name}" for name in names], seconds)
        return
    body = "BEGIN RAISE EXCEPTION SQLSTATE '53100'; END"
    made = [f"CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"]
    made += [f"CREATE TRIGGER stop BEFORE INSERT OR UPDATE ON {it} EXECUTE FUNCTION no_more()" for it in _TABLES]
    _between(connection, made, ["DROP FUNCTION no_more CASCADE"], seconds)


def _without_tables(connection: Connection, seconds: float) -> None:
    """Reads fail as well."""
    made = ["ALTER TABLE onboardings RENAME TO onboardings_gone"]
    _between(connection, made, ["ALTER TABLE onboardings_gone RENAME TO onboardings"], seconds)


def _cut_off(connection: Connection, seconds: float) -> None:
    """Terminates every connection repeatedly."""
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection.execute(text(others))
        time.sleep(_STEP)


def _between(connection: Connection, made: list[str], ended: list[str], seconds: float) -> None:
    for statements in (made, ended):
        with _patiently(connection):
            for statement in statements:
                connection.exec_driver_sql(statement)
        time.sleep(seconds if statements is made else 0)


@contextmanager
def _patiently(connection: Connection) -> Iterator[None]:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.exec_driver_sql("COMMIT")
    else:
        with connection.begin():
            yield


class _Broken:
    def __init__(self, it: Rig, work: Work, seconds: float) -> None:
        self._url = it.database_url
        self._work = work
        self._seconds = seconds
        self.has_begun = False
        self.is_over = False

    def begin(self) -> None:
        self.has_begun = True
        Thread(target=self._run, name="broken-database", daemon=True).start()
        time.sleep(2 * _STEP)

    def _run(self) -> None:
        options = {"timeout": 10.0} if self._url.startswith("sqlite") else {}
        level = {} if options else {"isolation_level": "AUTOCOMMIT"} if self._work is _cut_off else {}
        engine = create_engine(self._url, poolclass=NullPool, connect_args=options, **level)
        try:
            with suppress(SQLAlchemyError), engine.connect() as connection:
                if options:
                    connection.connection.dbapi_connection.isolation_level = None  # type: ignore[union-attr]
                self._work(connection, self._seconds)
        finally:
            self.is_over = True


def broken(work: Work, seconds: float = SHORT) -> Begin:
    """Starts when gu1's answer is on its way, or when a button is pressed."""

    def begin(it: Rig, point: Point) -> Strike:
        it_breaks = _Broken(it, work, seconds)
        if point.is_call:
            it.proxy.at(WirePoint.ANSWERING, request=point.request, do=it_breaks.begin)
        else:
            it_breaks.begin()
        return Strike(has_struck=lambda: it_breaks.has_begun, is_over=lambda: it_breaks.is_over)

    return begin


_EVERYWHERE = (*ALL_CALLS, *ALL_PRESSES)
DATABASE_FAULTS = [
    Fault(name="database: busy", points=_EVERYWHERE, begin=broken(_busy), is_proxied=True),
    Fault(
        name="database: busy for too long",
        points=("create_validation", "form", "status", "continue", "stop"),
        begin=broken(_busy, LONGER_THAN_A_LOCK_IS_WAITED_FOR),
        is_proxied=True,
    ),
    Fault(name="database: full", points=_EVERYWHERE, begin=broken(_refuses_writes), is_proxied=True),
    Fault(name="database: without tables", points=_EVERYWHERE, begin=broken(_without_tables), is_proxied=True),
    Fault(
        name="database: cut off",
        points=_EVERYWHERE,
        begin=broken(_cut_off),
        is_proxied=True,
        databases=("postgresql",),
    ),
]
