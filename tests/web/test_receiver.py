import hashlib
import hmac
import json

import pytest

from portal.app import create_app
from portal.domain.status import Status
from tests.conftest import WEBHOOK_SECRET
from tests.databases import on_both_databases
from tests.gu1.rows import a_row

MEBIBYTE = 1024 * 1024


def sign(body, secret=WEBHOOK_SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def an_event(row, word="kyc.validation_approved"):
    return json.dumps({"event": word, "timestamp": "2026-03-02T12:05:00Z", "payload": row}).encode()


def the_whole_row(**changes):
    return a_row(**{"id": "validation-1", "entityId": "entity-1", "updatedAt": "2026-03-02T12:05:00Z"} | changes)


@pytest.fixture
def deliver(visitor):
    def post(body, signature=None, **options):
        headers = {"X-Webhook-Signature": sign(body) if signature is None else signature}
        return visitor.post("/webhooks/gu1", body, headers=headers, content_type="application/json", **options)

    return post


@pytest.fixture
def path(visitor, work):
    """An onboarding that waits for the verdict on validation-1; without a double check."""
    path = visitor.begin(country="BR", document_number="123.456.789-09")
    work()
    visitor.get(f"{path}/continue")
    return path


@pytest.fixture
def status(visitor, path):
    return lambda: visitor.get(f"{path}/status", headers={"Accept": "application/json"}).json["status"]


@on_both_databases
def test_a_signed_row_is_applied_at_once(deliver, status):
    answer = deliver(an_event(the_whole_row(status="approved")))
    assert (answer.status, answer.json) == (200, {"outcome": "applied"})
    assert status() == "approved"


@on_both_databases
def test_a_short_event_makes_the_engine_read(deliver, status, gu1, work):
    answer = deliver(an_event({"validationId": "validation-1", "status": "approved"}))
    assert (answer.json, status()) == ({"outcome": "looked_up"}, "pending")
    gu1.becomes("validation-1", Status.IN_REVIEW)
    work()
    assert status() == "in_review"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "x",
        "0" * 64,
        "sha256=" + "0" * 64,
        "ñ" * 64,
        "٣" * 64,
        sign(b"another body"),
        "A" * 10_000,
    ],
    ids=lambda it: it[:20],
)
def test_without_gu1s_signature_nothing_changes(deliver, status, count, signature):
    answer = deliver(an_event(the_whole_row(status="approved")), signature)
    assert (answer.status, answer.response.mimetype) == (401, "application/problem+json")
    assert (status(), count("webhook_deliveries")) == ("pending", 0)


def test_an_unsigned_event_changes_nothing(visitor, status):
    body = an_event(the_whole_row(status="approved"))
    assert visitor.post("/webhooks/gu1", body).status == 401
    assert visitor.post("/webhooks/gu1", body, headers={"Authorization": f"Bearer {sign(body)}"}).status == 401
    assert status() == "pending"


def test_another_secrets_signature_changes_nothing(deliver, status):
    body = an_event(the_whole_row(status="approved"))
    assert deliver(body, sign(body, "another secret")).status == 401
    assert deliver(body, sign(body, "")).status == 401
    assert status() == "pending"


def test_a_changed_body_changes_nothing(deliver, status):
    body = an_event(the_whole_row(status="in_review"))
    assert deliver(body.replace(b"in_review", b"approved"), sign(body)).status == 401
    assert deliver(body + b" ", sign(body)).status == 401
    assert status() == "pending"


@pytest.mark.parametrize("spelled", ["{}", "sha256={}", " {} "])
def test_a_signature_may_be_spelled_in_some_ways(deliver, spelled):
    body = an_event(the_whole_row(status="approved"))
    assert deliver(body, spelled.format(sign(body).upper())).status == 200


def test_either_of_two_secrets_will_do(config, app):
    both = create_app(config.model_copy(update={"gu1_webhook_secrets": ("first", "second")})).test_client()
    body = an_event(the_whole_row())
    statuses = [
        both.post(
            "http://127.0.0.1:8000/webhooks/gu1", data=body, headers={"X-Webhook-Signature": sign(body, secret)}
        ).status_code
        for secret in ("first", "second", WEBHOOK_SECRET)
    ]
    assert statuses == [200, 200, 401]


@pytest.mark.asvs("15.3.5")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 5000, b"NaN"])
def test_what_is_no_object_is_refused(deliver, status, body):
    answer = deliver(body)
    assert (answer.status, answer.response.mimetype) == (400, "application/problem+json")


@on_both_databases
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "entity.created", "payload": {"id": "entity-1"}},
        {"event": "kyc.validation_approved"},
        {"event": "kyc.validation_approved", "payload": []},
        {"event": "kyc.validation_approved", "payload": {"id": {"$ne": None}}},
        {"event": 5, "payload": {"id": "validation-1", "status": "approved"}},
        {"event": "kyc.validation_approved", "id": "validation-1", "status": "approved"},
        {"event": "kyc.validation_approved", "payload": {"id": "x" * 100_000}},
        {"event": "kyc.validation_approved", "payload": {"id": "validation-1\x00"}},
    ],
    ids=lambda it: str(it)[:60],
)
def test_strange_events_are_taken_and_change_nothing(deliver, status, event):
    assert deliver(json.dumps(event).encode()).status == 200
    assert status() == "pending"


def test_others_validations_are_taken_and_left(deliver, status):
    answer = deliver(an_event(the_whole_row(id="somebody-else", status="approved")))
    assert (answer.status, answer.json) == (200, {"outcome": "not_ours"})
    assert status() == "pending"


@on_both_databases
def test_a_repeated_delivery_counts_once(deliver, count):
    body = an_event(the_whole_row(status="approved"))
    deliver(body)
    again = deliver(body)
    assert (again.status, again.json) == (200, {"outcome": "repeated"})
    assert count("webhook_deliveries") == 1


def test_an_older_row_undoes_nothing(deliver, status):
    deliver(an_event(the_whole_row(status="approved")))
    assert deliver(an_event(the_whole_row(status="in_progress", updatedAt="2026-03-02T12:01:00Z"))).status == 200
    assert status() == "approved"


@pytest.mark.parametrize("length", [MEBIBYTE + 1, 5 * MEBIBYTE])
def test_bodies_have_a_limit(deliver, status, length):
    body = an_event(the_whole_row(status="approved")).ljust(length)
    answer = deliver(body)
    assert (answer.status, answer.response.mimetype) == (413, "application/problem+json")
    assert status() == "pending"


def test_a_row_may_be_larger_than_any_form(deliver, status):
    body = an_event(the_whole_row(status="approved", decision={"images": "A" * 500_000}))
    assert deliver(body).status == 200
    assert deliver(body.ljust(MEBIBYTE)).status == 200
    assert status() == "approved"


@pytest.mark.asvs("15.3.1")
@on_both_databases
def test_of_a_row_only_what_is_needed_is_kept(deliver, path, sql, caplog):
    taken = {"extractedData": {"firstName": "María", "documentNumber": "12345678909"}, "decision": {"x": "a-face"}}
    deliver(an_event(the_whole_row(status="approved", **taken)))
    kept = str([sql(f"SELECT * FROM {table}") for table in ("onboardings", "validations", "webhook_deliveries")])
    assert not any(word in kept + caplog.text for word in ("María", "12345678909", "a-face"))


@pytest.mark.asvs("16.5.3")
@on_both_databases
@pytest.mark.parametrize("statement", ["ALTER TABLE webhook_deliveries RENAME TO away", "DROP TABLE validations"])
def test_what_cannot_be_kept_is_asked_for_again(deliver, path, sql, statement):
    sql(statement)
    answer = deliver(an_event(the_whole_row(status="approved")))
    assert (answer.status, answer.response.mimetype) == (503, "application/problem+json")


@on_both_databases
def test_a_delivery_half_kept_is_kept_the_second_time(deliver, status, writes_fail, count):
    body = an_event(the_whole_row(status="approved"))
    mend = writes_fail("webhook_deliveries")
    assert deliver(body).status == 503
    mend()
    assert deliver(body).status == 200
    assert (status(), count("webhook_deliveries")) == ("approved", 1)


def test_outcomes_are_counted(deliver, visitor, path):
    body = an_event(the_whole_row(status="approved"))
    for signature in (None, None, "x"):
        deliver(body, signature)
    page = visitor.get("/metrics").html
    for outcome in ("applied", "repeated", "unsigned"):
        assert f'portal_webhooks_total{{outcome="{outcome}"}} 1.0' in page
