"""Verified webhooks: each is applied once, and answered only after that was kept."""

from __future__ import annotations

import hashlib

from portal.services.onboardings import Onboardings
from portal.services.ports import Clock, SharedState, VerifiedWebhook


class WebhookHandler:
    def __init__(self, shared_state: SharedState, onboardings: Onboardings, clock: Clock) -> None:
        self._shared_state = shared_state
        self._onboardings = onboardings
        self._clock = clock

    def handle(self, news: VerifiedWebhook, body: bytes) -> str:
        """What came of it, in a word. Raises where it could not be kept."""
        fingerprint = hashlib.sha256(body).hexdigest()
        if self._shared_state.knows_webhook(fingerprint):
            return "repeated"
        outcome = self._apply(news)
        self._shared_state.remember_webhook(fingerprint, self._clock())
        return outcome

    def _apply(self, news: VerifiedWebhook) -> str:
        """A whole row counts like a read; less than that only makes the engine read."""
        if news.observation and self._onboardings.observe(news.observation):
            return "applied"
        if news.observation and self._onboardings.adopt(news.observation):
            return "adopted"
        if news.observation is None and news.gu1_id is None:
            return "ignored"
        looks = news.observation is None and self._onboardings.look_again_at(news.gu1_id or "")
        return "looked_up" if looks else "not_ours"
