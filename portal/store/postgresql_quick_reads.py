"""Quick reads of PostgreSQL."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from portal.store.quick_reads import TookTooLong
from portal.store.quick_select import QuickSelect, Values


class NoAnswer(TookTooLong, psycopg.OperationalError):
    pass


class PostgresConnection:
    """Over libpq and without blocking, because psycopg would wait for ever for a server that hangs."""

    _BINARY = 1

    def __init__(self, connection: psycopg.Connection[Any], timeout: float, *, may_prepare: bool) -> None:
        self._connection = connection
        self.close = connection.close
        self._libpq = connection.pgconn
        self._readable = select.poll()
        self._readable.register(self._libpq.socket, select.POLLIN)
        self._may_prepare = may_prepare
        self._prepared: dict[QuickSelect, bytes] = {}
        """With the names of the statements."""

    def read(self, what: QuickSelect, keys: Sequence[str], timeout: float) -> list[Values]:
        wanted = [_array(keys)]
        if self._may_prepare:
            name = self._prepared.get(what) or self._prepare(what, timeout)
            self._libpq.send_query_prepared(name, wanted, result_format=self._BINARY)
        else:
            self._libpq.send_query_params(_query(what), wanted, result_format=self._BINARY)
        answer = self._answer(timeout)
        rows, columns, values_of = range(answer.ntuples), what.columns, what.of_postgresql
        return [values_of(tuple([answer.get_value(row, it) for it in columns])) for row in rows]

    def _prepare(self, what: QuickSelect, timeout: float) -> bytes:
        name = f"quick_read_{len(self._prepared)}".encode()
        self._libpq.send_prepare(name, _query(what))
        self._answer(timeout)
        self._prepared[what] = name
        return name

    def _answer(self, timeout: float) -> PGresult:
        self._libpq.flush()
        deadline = time.monotonic() + timeout
        answer = self._result(deadline, timeout)
        while self._result(deadline, timeout):
            pass  # libpq takes the next query only after it gave a None
        if answer is None:
            raise psycopg.OperationalError("the connection was lost")
        if answer.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(answer)
        return answer

    def _result(self, deadline: float, timeout: float) -> PGresult | None:
        while self._libpq.is_busy():
            if not self._readable.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise NoAnswer(f"no answer within {timeout} s")
            self._libpq.consume_input()
        return self._libpq.get_result()


def _query(what: QuickSelect) -> bytes:
    return f"{what.text} = ANY($1)".encode()


def _array(texts: Sequence[str]) -> bytes:
    quoted = ['"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts]
    return ("{" + ",".join(quoted) + "}").encode()
