"""The newest waits of each stage and country, from the history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine, Select, literal, select, union_all

from portal.store.tables import WAITED, history
from portal.store.transactions import Transactions


class WaitReader:
    """Fills `portal.services.measured_waits.WaitReader`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def last_waits(
        self, keys: Iterable[tuple[str, str]], until: datetime, *, limit: int
    ) -> dict[tuple[str, str], list[int]]:
        newest = union_all(*(_newest(stage, country, until, limit) for stage, country in keys))
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        with self._transactions.reading() as connection:
            for row in connection.execute(newest):
                found[row.stage, row.country].append(row.seconds)
        return found


def _newest(stage: str, country: str, until: datetime, limit: int) -> Select[tuple[str, str, int]]:
    of_these = (WAITED, history.c.old_stage == stage, history.c.waited_country == country, history.c.at <= until)
    newest = (
        select(history.c.waited_seconds.label("seconds"))
        .where(*of_these)
        .order_by(history.c.at.desc())
        .limit(limit)
        .subquery()
    )
    return select(literal(stage).label("stage"), literal(country).label("country"), newest.c.seconds)
