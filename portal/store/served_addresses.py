"""At which addresses portals serve this database: more than one is most likely a setting that was copied."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select

from portal.store.tables import served_addresses
from portal.store.transactions import Transactions, insert

RECENT = timedelta(minutes=5)


class ServedAddresses:
    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def record(self, base_url: str, now: datetime) -> None:
        """Raises `StoreUnavailable`."""
        seen_at = served_addresses.c.seen_at
        with self._transactions.writing() as connection:
            first = insert(connection, served_addresses).values(base_url=base_url, seen_at=now)
            connection.execute(first.on_conflict_do_update(index_elements=["base_url"], set_={"seen_at": now}))
            connection.execute(delete(served_addresses).where(seen_at < now - RECENT))

    def others(self, base_url: str, now: datetime) -> list[str]:
        """Those that were seen a moment ago. Raises `StoreUnavailable`."""
        url, seen_at = served_addresses.c.base_url, served_addresses.c.seen_at
        found = select(url).where(url != base_url, seen_at >= now - RECENT).order_by(url)
        with self._transactions.reading() as connection:
            return list(connection.scalars(found))
