"""Examples of requests, answers and problems for OpenAPI."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from portal.services.notification import TEST
from portal.web.problem_details import KINDS

_Json = dict[str, Any]

_ID = "z-LrK0iaioN8uIWjDmqQew"
_URL = "https://verify.example.com/o/WyJ6LUxySzBp"
_TIME = "2026-03-02T12:00:00Z"
_SUMMARY: _Json = {
    "id": _ID,
    "external_id": "customer-7",
    "purpose": None,
    "status": "approved",
    "stage": "approved",
    "reason": None,
    "identity_match": "match",
    "correction": None,
    "decided_by": "automatic",
    "attempts": 1,
    "validation_id": "7f9c24e8-3b1a-4f6e-9d2c-5a8b0e1d2c3f",
    "entity_id": "1c6f0b2a-8d4e-4b7a-a1c3-9e5d7f2b4a6c",
    "created_at": _TIME,
    "updated_at": _TIME,
    "verified_at": _TIME,
    "verified_until": "2027-03-02T12:00:00Z",
    "needs_reverification": False,
    "can_retry_at": None,
    "is_final": True,
    "attempts_left": 0,
    "expires_at": "2026-04-01T12:00:00Z",
    "livemode": True,
    "state": "cart-55",
    "metadata": {"plan": "gold"},
}
EXAMPLES: dict[str, _Json] = {
    "Request": {
        "external_id": "customer-7",
        "return_url": "https://shop.example/done?order=1001",
        "state": "cart-55",
        "metadata": {"plan": "gold"},
    },
    "Started": {
        "id": _ID,
        "url": _URL,
        "status": "pending",
        "stage": "details",
        "expires_at": "2026-04-01T12:00:00Z",
    },
    "Summary": _SUMMARY,
    "OnboardingList": {"onboardings": [_SUMMARY], "next": None},
    "ChangeRequest": {"locale": "en", "metadata": {"plan": "gold"}},
    "LinkRequest": {"ttl_seconds": 86400},
    "Link": {"id": _ID, "url": _URL, "expires_at": "2026-03-03T12:00:00Z"},
    "Receipt": {
        "id": _ID,
        "erased_at": _TIME,
        "kept_at_gu1": {"entity_id": None, "validation_id": None},
    },
    "TestedBackend": {
        "id": "evt_test_Wk3mZ0cXr1n8pQv5yJt2bA",
        "type": TEST,
        "delivered": True,
        "outcome": "HTTP 200",
    },
}


def example_problem(status: int, model: str) -> _Json:
    """Of the kind that this model is most often of."""
    codes = {403: "partner_disabled", 409: "another_applicant" if model == "Conflict" else "onboarding_over"}
    code = codes.get(status) or next(code for code, kind in KINDS.items() if kind.status == status)
    example: _Json = {
        "type": f"https://verify.example.com/api/v1/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": KINDS[code].meaning,
        "code": code,
    }
    if model == "Conflict":
        example["id"] = _ID
    if model == "Refusal":
        example["errors"] = [{"field": "external_id", "message": "Is required"}]
    return example
