"""The scenario of a document number runs by itself."""

from datetime import timedelta

from e2e.mock_gu1.outcomes import OFFERED
from e2e.mock_gu1.scenarios import SCENARIOS


def test_automatic_scenario_is_pending_without_a_session_first(mock):
    validation = mock.validation(mock.entity("99.990.001"))
    assert (validation["status"], validation["providerSessionUrl"], validation["sessionId"]) == ("pending", None, None)
    assert mock.run_next() == 2.0
    assert mock.read(validation)["status"] == "approved"


ENDS = {
    "99990002": ("rejected", ["DOCUMENT_EXPIRED"]),
    "99990003": ("in_review", []),
    "99990004": ("cancelled", []),
    "99990005": ("expired", []),
    "99990022": ("rejected", ["LOW_FACE_MATCH_SIMILARITY"]),
    "99990041": ("frozen", []),
}


def test_automatic_scenario_ends_as_its_row_says(mock):
    rows = {document: mock.settled(document) for document in ENDS}
    assert {document: (row["status"], row["warnings"]) for document, row in rows.items()} == ENDS


def test_second_attempt_is_approved(mock):
    for document in ("99990016", "99990022"):
        entity = mock.entity(document)
        statuses = []
        for _ in range(3):
            validation = mock.validation(entity)
            mock.run_next()
            statuses.append(mock.read(validation)["status"])
        assert statuses == ["rejected", "approved", "approved"], document


def test_registry_can_take_an_approval_back(mock):
    validation = mock.validation(mock.entity("99990031"))
    mock.run_next()
    approved = mock.read(validation)
    assert approved["status"] == "approved" and "responseDoubleChecks" not in approved["metadata"]
    assert mock.run_next() == 5.0
    rejected = mock.read(validation)
    assert (rejected["status"], rejected["verifiedAt"]) == ("rejected", None)
    assert rejected["metadata"]["warnings"] == ["RENAPER_TRAMITE_ID_NOT_MATCH"]


def test_cancelled_validation_gets_no_automatic_outcome(mock):
    validation = mock.validation(mock.entity("99990001"))
    mock.cancel(validation)
    mock.run_next()
    assert mock.read(validation)["status"] == "cancelled"


def test_entity_fault_refuses_the_entity(mock):
    answer = mock.post("/api/entities", type="person", name="Ana", taxId="30000400", countryCode="AR")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_TAX_ID")


def test_busy_number_is_served_after_twenty_seconds(mock):
    body = {"type": "person", "name": "Ana", "taxId": "30000503", "countryCode": "AR", "externalId": "ours"}
    assert mock.post("/api/entities", **body).status_code == 503
    assert mock.get("/api/entities/by-external-id/ours").status_code == 503
    assert mock.get("/api/entities/by-external-id/other").status_code == 404
    mock.time += timedelta(seconds=20)
    assert mock.post("/api/entities", **body).status_code == 201


def test_scenarios_are_listed_as_json(mock):
    rows = mock.client.get("/_mock/scenarios").json["scenarios"]
    assert [row["document"] for row in rows] == [scenario.document for scenario in SCENARIOS]
    assert [row["document"] for row in rows if row["origin"] == "gu1"] == ["99990001"]
    assert set(rows[0]) == {"document", "name", "outcomes", "hosted", "origin", "what"}


def test_hosted_page_offers_whatever_is_planned_for_it():
    offered = {outcome.key for group in OFFERED.values() for outcome in group}
    assert {outcome.key for row in SCENARIOS if row.hosted for outcome in row.outcomes} <= offered


def test_scenarios_have_documents_and_names_of_their_own():
    assert len({row.document for row in SCENARIOS}) == len({row.name for row in SCENARIOS}) == len(SCENARIOS)
