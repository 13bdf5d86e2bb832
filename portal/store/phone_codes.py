"""Which onboarding the short address of a QR code belongs to. Rows go with the onboarding."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Engine, delete, func, select

from portal.domain.onboarding import Onboarding
from portal.store.tables import onboardings, phone_codes
from portal.store.transactions import Transactions, insert


class PhoneCodes:
    """Fills `portal.services.phone_handover.PhoneCodes`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def keep(self, digest: str, onboarding: Onboarding) -> bool:
        known = select(phone_codes.c.digest).where(phone_codes.c.digest == digest)
        with self._transactions.reading() as connection:
            if connection.scalar(known):
                return True
        row = {"digest": digest, "onboarding_id": onboarding.id}
        with self._transactions.writing() as connection:
            if not _is_current(connection, onboarding):
                return False  # a request that was overtaken must not delete the code that is shown now
            # The ones before are over: each is made from what the onboarding was then.
            connection.execute(delete(phone_codes).where(phone_codes.c.onboarding_id == onboarding.id))
            connection.execute(insert(connection, phone_codes).values(row).on_conflict_do_nothing())
        return True

    def onboarding_id(self, digests: Collection[str]) -> str | None:
        query = select(phone_codes.c.onboarding_id).where(phone_codes.c.digest.in_(digests))
        with self._transactions.reading() as connection:
            return connection.scalar(query)


def _is_current(connection: Connection, onboarding: Onboarding) -> bool:
    """Of what a code is made. Locks the onboarding, as a phone does that comes by its code."""
    columns = onboardings.c
    number = func.coalesce(columns.current_validation, 0)
    state = select(columns.phone_joined_at, columns.link_generation, columns.attempts_opened, number)
    row = connection.execute(state.where(columns.id == onboarding.id).with_for_update()).one_or_none()
    if row is None:
        return False
    joined_at, generation, *numbers = row
    expected = (onboarding.phone_joined_at, onboarding.link_generation, onboarding.validation_number)
    return (joined_at, generation, max(numbers)) == expected
