"""A session that a client of the API had before it grew: each answer still has all that it had then."""

import pytest

from tests.partners import RETURN_URL, partners_file
from tests.web.conftest import HOME, ONBOARDINGS

PROBLEM = {"title": "Not Found", "status": 404, "detail": "Not Found"}
STARTED = {"status": "pending", "stage": "details", "expires_at": "2026-04-01T12:00:00Z"}
READ = {
    "external_id": "customer-7",
    "status": "pending",
    "stage": "details",
    "reason": None,
    "identity_match": "unknown",
    "correction": None,
    "decided_by": None,
    "attempts": 0,
    "validation_id": None,
    "entity_id": None,
    "created_at": "2026-03-02T12:00:00Z",
    "verified_at": None,
    "verified_until": None,
    "needs_reverification": False,
    "can_retry_at": None,
}
CREATED = {
    "at": "2026-03-02T12:00:00Z",
    "by": "partner",
    "action": "created",
    "attempt": 0,
    "old_status": None,
    "old_stage": None,
    "new_status": "pending",
    "new_stage": "details",
    "reason": None,
}
REQUEST = {"external_id": "customer-7", "return_url": f"{RETURN_URL}?order=1001", "state": "cart-55", "locale": "en"}
APPLICANT = {"country": "AR", "document_number": "30.123.456", "first_name": "María", "last_name": "Gómez"}
UNREGISTERED = [{"field": "return_url", "message": "Is not among the partner's registered return URLs"}]
ONCE = {"Idempotency-Key": "order-1001"}
NO_KEY = {"Authorization": ""}
# method, path, body, headers, status, what the answer had
SESSION = [
    ("POST", ONBOARDINGS, REQUEST, ONCE, 201, STARTED),
    ("POST", ONBOARDINGS, REQUEST, ONCE, 201, STARTED),
    ("POST", ONBOARDINGS, REQUEST, {}, 200, STARTED),
    ("POST", ONBOARDINGS, REQUEST | {"applicant": APPLICANT, "reverify": True}, {}, 200, STARTED),
    ("GET", "{it}", None, {}, 200, READ),
    ("GET", "{it}/events", None, {}, 200, {"events": [CREATED]}),
    ("POST", ONBOARDINGS, REQUEST | {"state": "x"}, ONCE, 422, {"title": "Unprocessable Entity", "status": 422}),
    (
        *("POST", ONBOARDINGS, REQUEST | {"return_url": "https://other.example/"}, {}, 422),
        {"title": "Unprocessable Entity", "detail": "Some fields are not right", "errors": UNREGISTERED},
    ),
    ("GET", f"{ONBOARDINGS}/unknown", None, {}, 404, PROBLEM),
    ("GET", "{it}", None, NO_KEY, 401, {"title": "Unauthorized", "status": 401}),
    ("DELETE", "{it}", None, {}, 200, {"kept_at_gu1": {"entity_id": None, "validation_id": None}}),
    ("DELETE", "{it}", None, {}, 200, {"erased_at": "2026-03-02T12:00:00Z"}),
    ("GET", "{it}", None, {}, 404, PROBLEM),
]


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


def test_old_clients_find_all_that_they_knew(api):
    it = None
    for method, path, body, headers, status, had in SESSION:
        answer = api(method, path.format(it=it), body, headers=headers)
        said = answer.json
        assert answer.status_code == status, (method, path, answer.text)
        assert said | had == said, (method, path)
        assert answer.mimetype == ("application/problem+json" if status >= 400 else "application/json")
        if status == 201:
            it = f"{ONBOARDINGS}/{said['id']}"
            assert said["url"].startswith(f"{HOME}/o/")
