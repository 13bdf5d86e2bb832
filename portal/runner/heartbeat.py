"""Says each minute at which address this process serves, and warns of another address of the same database."""

from __future__ import annotations

import logging
from datetime import datetime

from portal.store.served_addresses import ServedAddresses

log = logging.getLogger(__name__)


class Heartbeat:
    def __init__(self, addresses: ServedAddresses, base_url: str) -> None:
        self._addresses = addresses
        self._base_url = base_url
        self._told: set[str] = set()

    def beat(self, now: datetime) -> None:
        """Raises `StoreUnavailable`."""
        self._addresses.record(self._base_url, now)
        others = set(self._addresses.others(self._base_url, now))
        for other in sorted(others - self._told):
            log.warning("another portal serves this database as %s, and this one as %s", other, self._base_url)
        self._told = others
