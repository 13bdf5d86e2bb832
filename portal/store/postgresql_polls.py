"""The reads of polls on PostgreSQL."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from portal.services.ports import PollState
from portal.store.poll_reader import IS_TIME, SELECT, TookTooLong, Values

_COLUMNS = range(len(PollState._fields))
_IS_NUMBER = [name == "link_generation" for name in PollState._fields]


class NoAnswer(TookTooLong, psycopg.OperationalError):
    pass


class PostgresPolls:
    """Over libpq and without blocking, because psycopg would wait for ever for a server that hangs."""

    _STATEMENT = b"poll"
    _QUERY = f"{SELECT} = ANY($1)".encode()
    _BINARY = 1

    def __init__(self, connection: psycopg.Connection[Any], timeout: float, *, may_prepare: bool) -> None:
        self._connection = connection
        self.close = connection.close
        self._libpq = connection.pgconn
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)
        self._is_prepared = may_prepare
        try:
            if may_prepare:
                self._libpq.send_prepare(self._STATEMENT, self._QUERY)
                self._answer(timeout)
        except psycopg.Error:
            self.close()
            raise

    def read(self, onboarding_ids: Sequence[str], timeout: float) -> list[Values]:
        ids = [_postgres_array(onboarding_ids)]
        if self._is_prepared:
            self._libpq.send_query_prepared(self._STATEMENT, ids, result_format=self._BINARY)
        else:
            self._libpq.send_query_params(self._QUERY, ids, result_format=self._BINARY)
        answer = self._answer(timeout)
        rows = range(answer.ntuples)
        return [_postgres_values(tuple([answer.get_value(row, it) for it in _COLUMNS])) for row in rows]

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
            if not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise NoAnswer(f"no answer within {timeout} s")
            self._libpq.consume_input()
        return self._libpq.get_result()


def _postgres_array(texts: Sequence[str]) -> bytes:
    escaped = (text.replace("\\", r"\\").replace('"', r"\"") for text in texts)
    return ("{" + ",".join(f'"{text}"' for text in escaped) + "}").encode()


_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8192)
def _postgres_values(row: Values) -> Values:
    return tuple(map(_postgres_value, row, IS_TIME, _IS_NUMBER))


def _postgres_value(value: bytes | None, is_time: bool, is_number: bool) -> Any:
    """PostgreSQL sends times as microseconds."""
    if value is None:
        return None
    if is_number:
        return int.from_bytes(value, "big", signed=True)
    if is_time:
        return _POSTGRES_EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))
    return value.decode()
