"""What a partner changes of an onboarding after it was started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from portal.domain.errors import OnboardingOver, UnknownEvent
from portal.domain.onboarding import LIFETIME, Onboarding
from portal.domain.standing import as_of, is_final
from portal.services.change_history import Action, Actor, Cause
from portal.services.keyed_hash import KeyedHash
from portal.services.notification import Event
from portal.services.ports import Clock, IdempotentRequest, LockedOnboarding, Outbox, Store
from portal.services.validation_plan import Policy

NOTIFICATIONS_LIMIT = 100
_CANCELLED = Cause(actor=Actor.PARTNER, action=Action.CANCELLED)


ChangeFields = Callable[[Onboarding], Onboarding]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerChanges:
    """Every method raises `UnknownOnboarding`, also for an onboarding of another partner and for an erased one."""

    store: Store
    clock: Clock
    request_hash: KeyedHash
    policy_for: Callable[[Onboarding], Policy]
    wake: Callable[[], None]
    outbox: Outbox
    wake_notifications: Callable[[], None]

    def cancel(self, partner: str, onboarding_id: str) -> Onboarding:
        """Like a stop by the applicant: the runner then cancels the validation at gu1.

        One that was stopped before stays as it is. Raises `OnboardingOver` for any other end.
        """
        now = self.clock()
        with self.store.locked_of_partner(partner, onboarding_id) as row:
            found = row.onboarding_not_erased
            if found.stopped_at:
                return found
            if self._is_final(replace(found, lapsed_at=None)):
                raise OnboardingOver(onboarding_id)
            row.save(_cancelled(found, now), _CANCELLED)
            cancelled = row.onboarding
        self.wake()
        return cancelled

    def change(self, partner: str, onboarding_id: str, change: ChangeFields) -> Onboarding:
        """Raises `OnboardingOver` if it is final, and what `change` raises."""
        now = self.clock()
        with self.store.locked_of_partner(partner, onboarding_id) as row:
            found = row.onboarding_not_erased
            if self._is_final(self._as_of(found, now)):
                raise OnboardingOver(onboarding_id)
            changed = change(found)
            if changed != found:
                row.save(replace(changed, updated_at=now))
            return row.onboarding

    def new_link(self, partner: str, onboarding_id: str, *, ttl: timedelta | None, key: str | None) -> Onboarding:
        """With a new access link, which ends at `ttl` or with the onboarding; the link before it is dead at once.

        If `key` is repeated, it is as that link was made. Raises `KeyReused`, and `OnboardingOver` after its time.
        """
        now = self.clock()
        with self.store.locked_of_partner(partner, onboarding_id) as row:
            found = row.onboarding_not_erased
            request = self._idempotent(key, f"link {onboarding_id} {ttl}") if key else None
            earlier = row.earlier_response(request) if request else None
            if earlier is not None:
                return _with_link_of(found, earlier)
            last = found.created_at + LIFETIME
            if now >= last:
                raise OnboardingOver(onboarding_id)
            expires_at = min(last, now + ttl) if ttl else last
            self._save(row, found.with_new_link(now, expires_at), request, now)
            return row.onboarding

    def notifications(self, onboarding_id: str) -> list[Event]:
        """The newest, in their order, of an onboarding that is the partner's."""
        return self.outbox.events_of(onboarding_id, limit=NOTIFICATIONS_LIMIT)

    def resend(self, partner: str, onboarding_id: str, event_id: str, *, key: str | None) -> Event:
        """Sends a notification again, with as many tries as a new one; once only for a repeated `key`.

        Raises `KeyReused`, and `UnknownEvent` if the onboarding has no such notification.
        """
        now = self.clock()
        with self.store.locked_of_partner(partner, onboarding_id) as row:
            found = row.onboarding_not_erased
            request = self._idempotent(key, f"resend {found.id} {event_id}") if key else None
            is_repeat = bool(request and row.earlier_response(request))
            event = row.find_event(event_id) if is_repeat else row.resend_event(event_id, now)
            if event is None:
                raise UnknownEvent(event_id)
            if request and not is_repeat:
                row.remember_response(request, event_id, now)
        self.wake_notifications()
        return event

    def _save(
        self, row: LockedOnboarding, changed: Onboarding, request: IdempotentRequest | None, now: datetime
    ) -> None:
        row.save(changed)
        if request:
            row.remember_response(request, f"{changed.link_generation} {changed.link_ends_at.timestamp()}", now)

    def _idempotent(self, key: str, facts: str) -> IdempotentRequest:
        return IdempotentRequest(
            key=key, fingerprint=self.request_hash.digest(facts), is_same=partial(self.request_hash.matches, facts)
        )

    def _as_of(self, onboarding: Onboarding, now: datetime) -> Onboarding:
        policy = self.policy_for(onboarding)
        return as_of(onboarding, max_attempts=policy.max_attempts, attempts_window=policy.attempts_window, now=now)

    def _is_final(self, onboarding: Onboarding) -> bool:
        policy = self.policy_for(onboarding)
        return is_final(onboarding, max_attempts=policy.max_attempts, attempts_window=policy.attempts_window)


def _cancelled(found: Onboarding, now: datetime) -> Onboarding:
    return replace(
        found, stopped_at=now, stopped_by_operator=True, details=None, name_digests=None, due_at=now, updated_at=now
    )


def _with_link_of(found: Onboarding, response: str) -> Onboarding:
    generation, expires_at = response.split()
    return replace(
        found, link_generation=int(generation), link_expires_at=datetime.fromtimestamp(float(expires_at), UTC)
    )
