"""What a start of a verification counts against, under keys that name nobody."""

from __future__ import annotations

from dataclasses import replace

from portal.domain.comparable_numbers import one_spelling
from portal.domain.onboarding import Details
from portal.domain.start_limits import DAY, HOUR, StartCounter, StartLimits, address_block, half_of
from portal.services.keyed_hash import KeyedHash
from portal.services.partners_page import PartnersPage

FORM_USED = "form"
DAILY = "day"


class StartCounters:
    def __init__(self, key_hash: KeyedHash, limits: StartLimits) -> None:
        self._hash = key_hash
        self._limits = limits

    def of_source(self, address: str | None, effort: int | None = None) -> list[StartCounter]:
        """The first is the address's, whose count becomes `earlier_starts`; none if the address is unknown."""
        if address is None:
            return []
        key = self._key("address", address_block(address))
        limit = None if effort is None else self._limits.address_hourly
        return [StartCounter(key=key, lasts=HOUR, limit=limit, effort=effort)]

    def of_partner(self, partner: str, limit: int | None) -> list[StartCounter]:
        return [StartCounter(key=self._key("partner", partner), lasts=DAY, limit=limit)] if limit else []

    def of_form(
        self, nonce: str, details: Details, address: str | None, effort: int, page: PartnersPage | None = None
    ) -> list[StartCounter]:
        """In one order for all, so that no two transactions wait for one another.

        A partner with a limit of its own does not use up everybody's.
        """
        of_day = self.of_partner(page.partner, page.starts_per_day) if page else []
        of_day = of_day or [StartCounter(key=DAILY, lasts=DAY, limit=self._limits.daily)]
        number = one_spelling(details.country, details.document_number)
        document = self._key("document", f"{details.country} {number}")
        daily, mailbox = self._limits.document_daily, _mailbox(details.email)
        return [
            *self.of_source(address, effort),
            StartCounter(key=self._key(FORM_USED, nonce), lasts=DAY, limit=1),
            StartCounter(key=document, lasts=DAY, limit=daily, effort=effort),
            *(StartCounter(key=self._key("mail", it), lasts=DAY, limit=daily, effort=effort) for it in mailbox),
            *(_of_those_above(it) for it in of_day if it.limit),
            *of_day,
        ]

    def _key(self, kind: str, value: str) -> str:
        return f"{kind}:{self._hash.digest(f'{kind} {value}')}"


def _of_those_above(day: StartCounter) -> StartCounter:
    return replace(day, key=f"above {day.key}", limit=half_of(day.limit or 0), only_above=True)


def _mailbox(address: str | None) -> list[str]:
    """Where mails to an address end up, as far as its spelling tells; none without an address."""
    if not address:
        return []
    local, _, domain = address.casefold().rpartition("@")
    return [f"{local.partition('+')[0] or local}@{domain}"]
