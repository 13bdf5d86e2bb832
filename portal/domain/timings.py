"""How long the runner waits: between refreshes, before retries, before a resend."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from datetime import timedelta

from portal.domain.status import Status
from portal.domain.validation import Validation

LONGEST_WAIT = timedelta(hours=1)
"""The longest pause of a due onboarding; the store treats later times as those of a clock that ran ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """All in seconds."""

    refreshes: tuple[tuple[int, float], ...] = ((12, 5.0), (32, 30.0), (60, 300.0))
    """(number of refreshes without a change, seconds until the next)."""
    slow_refresh: float = 3600.0
    review_refresh: float = 300.0
    """While people at gu1 review it."""
    rare_refreshes: tuple[tuple[int, float], ...] = ((12, 120.0), (32, 300.0))
    """The same while gu1's webhooks are trusted; afterwards `refreshes`.

    A page polls 27 times in its first minute, 59 in three and 142 in ten: for at most 0.02 refreshes per poll these are
    none, one and two.
    """
    rare_after_coming: float = 75.0
    """Until the next of them, once somebody came to the page or is back from the photos."""
    webhooks_trusted_for: float = 600.0
    """After the last one about a validation of ours."""
    webhook_late_after: float = 30.0
    """How long after gu1 changed a row its webhook may still be on the way."""
    trust_measured_every: float = 5.0
    first_backoff: float = 1.0
    longest_backoff: float = 60.0
    refused_backoff: float = 30.0
    longest_refused: float = 600.0
    """An operator has to act first, so retries are slow; afterwards onboardings resume by themselves."""
    reconcile_delay: float = 60.0
    """After a lost answer, until gu1's list surely shows what the request created."""
    empty_list_pause: float = 15.0
    """After a list without our validation, until it is read again."""
    resend_pause: float = 3600.0
    """From the third send on, after an operator was alerted."""
    first_sweep: float = 60.0
    """After a second send, until the first search for duplicates at gu1; later searches come ever more rarely."""
    last_sweep: float = 86400.0
    """After the last send, until no more duplicates are expected."""
    recheck_unanswered: float = 15.0
    """After gu1 did not answer for an attempt that no longer counts: somebody may be completing it."""
    recheck_refused: float = 300.0
    """After gu1 did not cancel it."""
    lease: float = 30.0
    grace: float = 8.0
    """For running steps when the process stops; containers are given ten."""
    idle: float = 1.0
    """How often a worker polls the database without being woken."""
    idle_listening: float = 5.0
    """The same while other processes wake it."""
    between_looks: float = 0.05
    """The shortest time between two polls of the database: under load one claim takes many rows."""
    notification_backoffs: tuple[float, ...] = (
        5.0,
        30.0,
        120.0,
        600.0,
        1800.0,
        3600.0,
        7200.0,
        18000.0,
        36000.0,
        *9 * (86400.0,),
    )
    """After each failed delivery to a partner's backend; ten days in all."""
    longest_notification_backoff: float = 86400.0
    """The longest Retry-After of a backend that is followed."""
    notification_lease: float = 40.0
    """More than twice the longest delivery."""
    mail_backoffs: tuple[float, ...] = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, *11 * (14400.0,))
    """After each time that the server did not take a mail; two days in all, as mail servers do among themselves."""
    longest_mail_backoff: float = 900.0
    """While the server takes none at all."""
    mail_lease: float = 180.0
    """More than twice the longest delivery."""
    save_backoff: tuple[float, ...] = (0.2, 1.0, 3.0)
    """Before each retry of writing an outcome, if the database was unavailable."""

    def refresh_after(self, validation: Validation) -> timedelta:
        if validation.status is Status.IN_REVIEW:
            return timedelta(seconds=self.review_refresh)
        return _next_of(self.refreshes, validation) or timedelta(seconds=self.slow_refresh)

    def rare_refresh_after(self, validation: Validation) -> timedelta:
        """While webhooks tell of it."""
        return _next_of(self.rare_refreshes, validation) or self.refresh_after(validation)

    def refreshes_within(self, elapsed: timedelta) -> int:
        """How many there are in that time without a change, unless they are rare."""
        number, left = 0, max(0.0, elapsed.total_seconds())
        for limit, seconds in (*self.refreshes, (sys.maxsize, self.slow_refresh)):
            fitting = min(limit - number, int(left // seconds))
            number, left = number + fitting, left - fitting * seconds
        return number

    def next_sweep(self, since: timedelta) -> timedelta | None:
        """`since`: since the last send. None if no more duplicates are expected."""
        left = timedelta(seconds=self.last_sweep) - since
        later = max(7 * since, timedelta(seconds=self.first_sweep))
        return min(left, later, LONGEST_WAIT) if left > timedelta() else None

    def refused_wait(self, failures: int) -> timedelta:
        return timedelta(seconds=min(self.longest_refused, self.refused_backoff * 2 ** min(failures - 1, 16)))

    def notification_backoff(self, tries: int, retry_after: float | None = None) -> timedelta | None:
        """With jitter; None after the last try. `tries`: failed ones so far, `retry_after` in seconds."""
        if tries > len(self.notification_backoffs):
            return None
        planned = self.notification_backoffs[tries - 1] * random.uniform(0.9, 1.1)  # noqa: S311
        requested = min(retry_after or 0.0, self.longest_notification_backoff) * random.uniform(1.0, 1.1)  # noqa: S311
        return timedelta(seconds=max(planned, requested))

    def mail_backoff(self, tries: int, *, gives_up: bool) -> timedelta | None:
        """With jitter; None after the last try. `tries`: failed ones so far."""
        if gives_up and tries > len(self.mail_backoffs):
            return None
        planned = self.mail_backoffs[min(tries, len(self.mail_backoffs)) - 1]
        if not gives_up:
            planned = min(planned, self.longest_mail_backoff)
        return timedelta(seconds=planned * random.uniform(0.9, 1.1))  # noqa: S311

    def backoff(self, failures: int, retry_after: float | None = None) -> timedelta:
        """Exponential, with jitter; `retry_after` in seconds."""
        ceiling = min(self.longest_backoff, self.first_backoff * 2 ** min(failures - 1, 16))
        planned = ceiling * random.uniform(0.5, 1.0)  # noqa: S311
        requested = (retry_after or 0.0) * random.uniform(1.0, 1.2)  # noqa: S311
        return timedelta(seconds=max(planned, requested))


def _next_of(schedule: tuple[tuple[int, float], ...], validation: Validation) -> timedelta | None:
    """None after its end."""
    found = next((seconds for limit, seconds in schedule if validation.refreshes < limit), None)
    return None if found is None else timedelta(seconds=found)
