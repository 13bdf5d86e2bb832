"""One factory per model: complete and plausible, changed by keyword."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from portal.domain.onboarding import Consent, ConsentText, Details, Onboarding
from portal.domain.validation import CreationState, Validation

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

_numbers = count(1)


def some_details(**changes: Any) -> Details:
    given: dict[str, Any] = {
        "country": "AR",
        "document_number": "30111222",
        "first_name": "Ana",
        "last_name": "Núñez",
        "email": "ana@example.com",
    }
    return Details(**given | changes)


def a_validation(**changes: Any) -> Validation:
    """Planned and not sent yet."""
    given: dict[str, Any] = {"number": 1, "nonce": f"nonce-{next(_numbers)}", "created_at": NOW}
    return Validation(**given | changes)


def an_adopted_validation(**changes: Any) -> Validation:
    """Known to gu1 and with a hosted page; its ids are new each time."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "creation_state": CreationState.ADOPTED,
        "sends": 1,
        "sent_at": NOW,
        "gu1_id": f"gu1-{number}",
        "session_id": f"session-{number}",
        "session_url": f"https://verify.didit.me/session/{number}",
        "gu1_updated_at": NOW,
        "expires_at": NOW + timedelta(days=7),
    }
    return a_validation(**given | changes)


def an_onboarding(**changes: Any) -> Onboarding:
    """Submitted and due; its id and submission are new each time."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "id": f"onboarding-{number}",
        "locale": "es-AR",
        "country": "AR",
        "submission": f"submission-{number}",
        "details": some_details(),
        "document_digest": "d1" * 32,
        "name_digests": "n1" * 32,
        "consent": Consent(ConsentText("2026-01"), given_at=NOW),
        "due_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Onboarding(**given | changes)
