"""Webhooks: envelopes, signature, order."""

import hashlib
import hmac

from e2e.mock_client import (
    AUTHORIZED,
    CODE,
    ENTITY_READ,
    SECRET,
    VALIDATION_READ,
    MockClient,
    keys,
)
from e2e.mock_gu1 import SIGNATURE_HEADER, create_mock


def test_webhook_is_signed_over_its_raw_body(mock):
    mock.validation(mock.entity())
    mock.events()
    body, headers = mock.received[0]
    assert headers[SIGNATURE_HEADER] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_newest_envelope_carries_the_row(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "approve")
    created, approved = mock.events()
    assert set(created) == {"event", "timestamp", "organizationId", "payload"}
    assert set(created["payload"]) == VALIDATION_READ
    assert set(approved["payload"].pop("entity")) == ENTITY_READ
    assert approved["payload"] == mock.read(validation)


def test_middle_envelope_is_short():
    mock = MockClient(envelope="v2a")
    validation = mock.validation(mock.entity(externalId="ours"))
    payload = mock.events()[0]["payload"]
    assert set(payload) == {"validationId", "entityId", "entity", "status"}
    assert set(payload["entity"]) == {"id", "externalId", "name", "type"}
    assert payload["validationId"] == validation["id"]


def test_oldest_envelope_has_type_and_data():
    mock = MockClient(envelope="v1")
    validation = mock.validation(mock.entity())
    event = mock.events()[0]
    assert set(event) == {"id", "type", "data"} and event["type"] == "kyc.validation_created"
    assert (event["data"]["validationId"], event["data"]["status"]) == (validation["id"], "pending")


def test_every_step_has_its_event(mock):
    entity = mock.entity()
    mock.client.get(mock.validation(entity)["providerSessionUrl"])
    for outcome in ("review", "approve", "DOCUMENT_EXPIRED", "abandon", "expire"):
        mock.choose(mock.validation(entity), outcome)
    mock.cancel(mock.validation(entity))
    steps = {event["event"].removeprefix("kyc.validation_") for event in mock.events()}
    assert steps == keys("created in_progress in_review approved rejected abandoned expired cancelled")


def test_failed_delivery_is_tried_again_before_the_next(mock):
    mock.answers = [500, 200]
    mock.choose(mock.validation(mock.entity()), "approve")
    assert [event["event"].rsplit("_", 1)[1] for event in mock.events()] == ["created", "created", "approved"]


def test_delivery_given_up_is_logged_once(mock, caplog):
    mock.answers = [500, 500, 500]
    mock.choose(mock.validation(mock.entity()), "approve")
    assert len(mock.events()) == 4
    assert [record.getMessage() for record in caplog.records] == [
        "webhook kyc.validation_created given up after 3 tries: HTTP 500"
    ]


def test_mock_works_without_any_webhook():
    client = create_mock().test_client()
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR"}
    entity = client.post("/api/entities", headers=AUTHORIZED, json=body).json["entity"]
    body = {"entityId": entity["id"], "integrationCode": CODE}
    assert client.post("/api/kyc/validations", headers=AUTHORIZED, json=body).status_code == 201
