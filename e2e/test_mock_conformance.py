"""The mock answers each documented body with the same keys and types in the matching variant."""

import json
from pathlib import Path

import pytest

from e2e.mock_client import CODE, MockClient

EXAMPLES = Path(__file__).parent / "contract"
OPEN = {"metadata", "entityData", "attributes", "kycData", "currentEvaluation"}
"""Objects with free content."""
LEGACY = {"decision": "legacy"}
PENDING = {"expires_at": "null"}


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def kind(value):
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def shape(value, key=""):
    """Keys and types, recursively; a list by its first row."""
    if key in OPEN:
        return "open"
    if isinstance(value, dict):
        return {name: shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return kind(value)


def created(mock):
    return mock.validation(mock.entity(), metadata={"customField": "customValue"}, doubleCheckRenaper=False)


def read(mock):
    return mock.read(created(mock))


def settled(outcome):
    def decision(mock):
        validation = created(mock)
        mock.choose(validation, outcome)
        return mock.read(validation)["decision"]

    return decision


def status(mock):
    entity = mock.entity()
    mock.choose(mock.validation(entity), "approve")
    return mock.get(f"/api/kyc/entities/{entity['id']}/status").json


def listed(mock):
    entity = mock.entity()
    mock.choose(mock.validation(entity), "abandon")
    mock.choose(mock.validation(entity), "approve")
    return mock.get(f"/api/kyc/entities/{entity['id']}/validations").json


def refused(**changes):
    def body(mock):
        entity = mock.entity("30712345671", type="company") if changes.pop("company", None) else mock.entity()
        return mock.post("/api/kyc/validations", **{"entityId": entity["id"], "integrationCode": CODE} | changes).json

    return body


def approved_webhook(mock):
    mock.choose(mock.validation(mock.entity(externalId="customer")), "approve")
    return mock.events()[-1]


BODIES = [
    ("create-validation-201", {}, created),
    ("get-validation-pending-200", PENDING, read),
    ("get-validation-pending-200-older", {"session_key": "sessionId", **PENDING}, read),
    ("decision-approved", {}, settled("approve")),
    ("entity-kyc-status-200", {}, status),
    ("entity-kyc-status-200-pt", {"status_expires_at": "missing"}, status),
    ("entity-validations-list-200", {"list_rows": "abbreviated"}, listed),
    ("error-404-entity-not-found", {}, refused(entityId="nobody")),
    ("error-400-invalid-entity-type", {}, refused(company=True)),
    ("error-400-kyc-not-configured", {"integration": "missing"}, refused()),
    ("webhook-kyc-approved-v2a", {"webhook_envelope": "v2a"}, approved_webhook),
]


@pytest.mark.parametrize(("name", "variant", "answered"), BODIES, ids=[name for name, _, _ in BODIES])
def test_documented_body_is_answered_key_for_key(name, variant, answered):
    assert shape(answered(MockClient(**variant))) == shape(example(name))


def test_order_of_list_keys_follows_the_example():
    rows = listed(MockClient(list_rows="abbreviated"))["validations"]
    assert [set(row) for row in rows] == [set(row) for row in example("entity-validations-list-200")["validations"]]


def test_legacy_decision_is_the_documented_one():
    decision = settled("approve")(MockClient(**LEGACY))
    assert shape({"decision": decision}) == shape(example("decision-legacy"))
    assert decision["verification_results"] == example("decision-legacy")["decision"]["verification_results"]


@pytest.mark.parametrize(
    ("outcome", "blamed"),
    [
        ("DOCUMENT_EXPIRED", "id_verification"),
        ("LIVENESS_FAILED", "liveness"),
        ("LOW_FACE_MATCH_SIMILARITY", "face_match"),
    ],
)
def test_declined_decision_has_the_documented_blocks(mock, outcome, blamed):
    decision, documented = settled(outcome)(mock), example("decision-rejected")
    assert set(decision) == set(documented) and decision["features"] == documented["features"]
    assert shape(decision[blamed]) == shape(documented[blamed])
    assert decision["images"].keys() == documented["images"].keys()


def test_read_entity_has_every_documented_key(mock):
    entity = mock.get(f"/entities/{mock.entity()['id']}").json
    assert set(example("entity-get-response-template")) == set(entity) - {"nationality"}


def test_documented_sync_and_cancel_are_accepted(mock):
    path = f"/api/kyc/validations/{created(mock)['id']}"
    assert mock.call("POST", f"{path}/sync", **example("sync-request")).status_code == 200
    assert mock.call("DELETE", f"{path}/cancel", **example("cancel-request")).status_code == 200


def test_smallest_documented_creation_is_accepted():
    mock = MockClient(create_keys="newest")
    body = example("create-validation-request") | {"entityId": mock.entity()["id"]}
    assert mock.post("/api/kyc/validations", **body).status_code == 201
