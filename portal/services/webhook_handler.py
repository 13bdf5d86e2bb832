"""Verified webhooks: each is applied once, and acknowledged only after it was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from portal.domain.validation import Observation
from portal.services.onboardings import Onboardings
from portal.services.ports import Clock, SharedState


@dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    gu1_id: str | None = None
    """The validation that it is about; None if it is about something else."""
    observation: Observation | None = None
    """None unless it contains the whole row and says how old the row is."""


def fingerprint_of(body: bytes) -> str:
    """By which a repeated delivery is recognised."""
    return hashlib.sha256(body).hexdigest()


class WebhookHandler:
    def __init__(self, shared_state: SharedState, onboardings: Onboardings, clock: Clock) -> None:
        self._shared_state = shared_state
        self._onboardings = onboardings
        self._clock = clock

    def handle(self, webhook: VerifiedWebhook, body: bytes) -> str:
        """The outcome for the metrics. Raises `StoreUnavailable`, and then gu1 must send it again."""
        fingerprint = fingerprint_of(body)
        if self._shared_state.has_webhook(fingerprint):
            return "repeated"
        outcome = self._apply(webhook, fingerprint)
        # Others do not show that what gu1 has to say of our validations comes here.
        if outcome in {"applied", "adopted", "looked_up"}:
            self._onboardings.refresh_plan.webhook_trust.note_webhook(webhook.observation)
        return outcome

    def apply_soon(self, seen: Observation, fingerprint: str) -> Future[bool | None]:
        """`handle` of a whole row that is not repeated, without waiting; None if no onboarding adopted it."""
        observed = self._onboardings.observe_soon(seen, fingerprint)

        def note(kept: Future[bool | None]) -> None:
            if kept.cancelled() or kept.exception() or kept.result() is None:
                return
            self._onboardings.wake_if(kept.result())
            self._onboardings.refresh_plan.webhook_trust.note_webhook(seen)

        observed.add_done_callback(note)
        return observed

    def _apply(self, webhook: VerifiedWebhook, fingerprint: str) -> str:
        # A whole row counts like a read; without one, the runner reads the validation.
        if webhook.observation and self._onboardings.observe(webhook.observation, delivery=fingerprint):
            return "applied"
        outcome = self._otherwise_apply(webhook)
        self._shared_state.remember_webhook(fingerprint, self._clock())
        return outcome

    def repeated_nonblocking(self, fingerprints: Sequence[str]) -> Mapping[str, bool]:
        """Whether `handle` would call each repeated, if that is quick. Raises `WouldBlock`."""
        known = self._shared_state.webhooks_nonblocking(fingerprints)
        return {it: it in known for it in fingerprints}

    def _otherwise_apply(self, webhook: VerifiedWebhook) -> str:
        """For one that is not the whole row of an adopted validation."""
        if webhook.observation and self._onboardings.adopt(webhook.observation):
            return "adopted"
        if webhook.observation is None and webhook.gu1_id is None:
            return "ignored"
        requested = webhook.observation is None and self._onboardings.request_refresh_of(webhook.gu1_id or "")
        return "looked_up" if requested else "not_ours"
