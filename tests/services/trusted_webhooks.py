"""Two onboardings at the photos: webhooks tell of one, and what becomes of the other has to be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from portal.services.webhook_handler import VerifiedWebhook

APPROVED = {"status": Status.APPROVED, "double_check": DoubleCheck.ANSWERED}
TICK = 5


class Pair:
    def __init__(self, portal, gu1, clock, work):
        self.onboardings, self.webhooks = portal.onboardings, portal.webhooks
        self.trust = self.onboardings.refresh_plan.webhook_trust
        self.metrics = portal.metrics
        self.gu1 = gu1
        self._clock = clock
        self._work = work
        self._bodies = count()
        self.told_id = self.own_id = ""
        """gu1's ids of the one that webhooks tell of, and of the other."""
        self.own = None

    def tell(self, gu1_id=None, *, late=timedelta(), whole=True, **changes):
        """gu1 changes a validation and says so by a webhook."""
        gu1_id, number = gu1_id or self.told_id, next(self._bodies)
        changes = changes or {"status": (Status.IN_PROGRESS, Status.ABANDONED)[number % 2]}
        seen = replace(self.gu1.becomes(gu1_id, **changes), updated_at=self._clock() - late)
        return self.webhooks.handle(VerifiedWebhook(gu1_id, seen if whole else None), f"body {number}".encode())

    def changes(self, **changes):
        """The own one, and its webhook is lost."""
        self.gu1.becomes(self.own_id, **changes)

    def opens(self):
        assert self.onboardings.open_hosted_page(self.own.id)

    def returns(self):
        self.onboardings.record_photos_done(self.own.id)

    def looks(self):
        self.onboardings.views.note(self.onboardings.get(self.own.id), self._clock())
        self.onboardings.views.save()

    def lives(self, seconds, *, is_told=True, is_watched=False):
        """Lets time pass, with webhooks of the other; the seconds at which the own one was read, and synced."""
        read, synced = [], []
        for passed in range(TICK, seconds + 1, TICK):
            self._clock.advance(seconds=TICK)
            if is_told and passed % 60 == TICK:
                self.tell()
            if is_watched:
                self.looks()
            self.gu1.calls.clear()
            self._work()
            is_synced = ("sync_validation", self.own_id) in self.gu1.calls
            if is_synced or ("read_validation", self.own_id) in self.gu1.calls:
                read.append(passed)
            synced += [passed] if is_synced else []
        return read, synced

    @property
    def is_approved(self):
        return stage_of(self.onboardings.get(self.own.id), max_attempts=3) is Stage.APPROVED

    @property
    def missed(self):
        page = self.metrics.page().decode()
        return next(float(it.split()[1]) for it in page.splitlines() if it.startswith("portal_webhooks_missed_total"))
