"""Which onboarding the short address of a QR code belongs to. Rows go with the onboarding."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine, delete, select

from portal.store.tables import phone_codes
from portal.store.transactions import Transactions, insert


class PhoneCodes:
    """Fills `portal.services.phone_handover.PhoneCodes`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def keep(self, digest: str, onboarding_id: str) -> None:
        known = select(phone_codes.c.digest).where(phone_codes.c.digest == digest)
        with self._transactions.reading() as connection:
            if connection.scalar(known):
                return
        row = {"digest": digest, "onboarding_id": onboarding_id}
        with self._transactions.writing() as connection:
            # The ones before are over: each is made from what the onboarding was then.
            connection.execute(delete(phone_codes).where(phone_codes.c.onboarding_id == onboarding_id))
            connection.execute(insert(connection, phone_codes).values(row).on_conflict_do_nothing())

    def onboarding_id(self, digests: Collection[str]) -> str | None:
        query = select(phone_codes.c.onboarding_id).where(phone_codes.c.digest.in_(digests))
        with self._transactions.reading() as connection:
            return connection.scalar(query)
