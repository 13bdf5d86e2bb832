"""The mock keeps gu1's contract; the key sets are those of the newest pages."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from e2e.mock_gu1 import DEFAULT_API_KEY, SIGNATURE_HEADER, create_mock
from e2e.mock_gu1.outcomes import OFFERED, REGISTRY_CODES
from e2e.mock_gu1.scenarios import SCENARIOS
from e2e.mock_gu1.tax_ids import InvalidTaxId, canonical

SECRET = "whsec"
AUTHORIZED = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
CODE = "global_gueno_validation_kyc"


def keys(text):
    return set(text.split())


ENTITY_CREATED = keys(
    "id externalId organizationId type name taxId countryCode riskScore status entityData attributes"
    " createdAt updatedAt"
)
ENTITY_READ = ENTITY_CREATED | keys(
    "nationality riskFactors kycVerified kycProvider kycData currentEvaluation deletedAt"
)
VALIDATION_CREATED = keys(
    "id entityId organizationId sessionId status provider providerSessionUrl isCurrent metadata createdAt updatedAt"
)
VALIDATION_READ = (VALIDATION_CREATED - {"sessionId"}) | keys(
    "validationSessionId decision documentsVerified biometricResult riskAssessment verifiedFields extractedData"
    " warnings expiresAt verifiedAt"
)
DECISION_DECLINED = keys(
    "status workflow_type session_id session_number features images id_verification id_verifications liveness"
    " liveness_checks face_match face_matches"
)
DECISION_APPROVED = DECISION_DECLINED | {"aml_screening", "aml_screenings", "ip_analysis", "ip_analyses"}


class World:
    """One mock with a clock that stands, work that waits to be run, and a webhook receiver."""

    def __init__(self, **options):
        self.time = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
        self.waiting = []
        self.received = []
        self.answers = []
        self.app = create_mock(
            webhook_url="http://portal/webhooks/gu1",
            webhook_secret=SECRET,
            now=lambda: self.time,
            later=lambda seconds, action: self.waiting.append((seconds, action)),
            deliver=self._deliver,
            pauses=(0, 0),
            **options,
        )
        self.client = self.app.test_client()

    def _deliver(self, url, body, headers):
        self.received.append((body, headers))
        return self.answers.pop(0) if self.answers else 200

    def get(self, path, **query):
        return self.client.get(path, headers=AUTHORIZED, query_string=query)

    def post(self, path, **body):
        return self.client.post(path, headers=AUTHORIZED, json=body)

    def cancel(self, validation, reason="no longer needed"):
        path = f"/api/kyc/validations/{validation['id']}/cancel"
        return self.client.delete(path, headers=AUTHORIZED, json={"reason": reason})

    def entity(self, tax_id="20123456", **more):
        body = {"type": "person", "name": "Ana Gómez", "taxId": tax_id, "countryCode": "AR"} | more
        return self.post("/api/entities", **body).json["entity"]

    def validation(self, entity, **more):
        body = {"entityId": entity["id"], "integrationCode": CODE, "doubleCheckRenaper": True} | more
        return self.post("/api/kyc/validations", **body).json

    def read(self, validation):
        return self.get(f"/api/kyc/validations/{validation['id']}").json

    def run_next(self):
        """Runs what waits longest and says how long it would have waited."""
        seconds, action = self.waiting.pop(0)
        action()
        return seconds

    def settled(self, tax_id, **more):
        """The first validation of a new entity, after all that happens by itself."""
        validation = self.validation(self.entity(tax_id), **more)
        while self.waiting:
            self.run_next()
        return self.read(validation)

    def choose(self, validation, outcome):
        return self.client.post(f"/session/{validation['sessionId']}/outcome", data={"outcome": outcome})

    def events(self):
        self.app.extensions["mock_gu1"].webhooks.flush()
        return [json.loads(body) for body, _ in self.received]


@pytest.fixture
def world():
    return World()


# Entities


@pytest.mark.parametrize("prefix", ["/api/entities", "/entities"])
def test_entity_is_created_and_read_under_both_prefixes(world, prefix):
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR", "externalId": "x/1"}
    created = world.post(prefix, **body)
    assert created.status_code == 201 and created.json["success"] is True
    entity = created.json["entity"]
    assert set(entity) == ENTITY_CREATED
    reads = [f"/{entity['id']}", "/by-external-id/x/1", "/by-tax-id/20.123.456"]
    assert all(set(world.get(prefix + path).json) == ENTITY_READ for path in reads)


@pytest.mark.parametrize("missing", ["type", "name", "taxId", "countryCode"])
def test_entity_without_a_required_field_is_refused(world, missing):
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR"} | {missing: ""}
    answer = world.post("/api/entities", **body)
    assert answer.status_code == 400
    assert answer.json["error"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("tax_id", "country", "kind", "stored"),
    [
        ("1234567", "AR", "person", "1.234.567"),
        ("20 123 456", "AR", "person", "20.123.456"),
        ("20201234565", "AR", "person", "20-20123456-5"),
        ("30712345671", "AR", "company", "30-71234567-1"),
        ("123456789", "BR", "person", "1.234.567-89"),
        ("1234567890", "BR", "person", "12.345.678-90"),
        ("12345678901", "BR", "person", "123.456.789-01"),
        ("1234567890123", "BR", "company", "1.234.567/8901-23"),
        ("12345678901234", "BR", "company", "12.345.678/9012-34"),
        ("12345678k", "CL", "person", "12.345.678-K"),
        ("goma900520ab1", "MX", "person", "GOMA900520AB1"),
        ("1-234-567", "CO", "person", "1234567"),
    ],
)
def test_tax_id_is_stored_in_its_countrys_form(tax_id, country, kind, stored):
    assert canonical(tax_id, country=country, kind=kind) == stored


@pytest.mark.parametrize(("tax_id", "country"), [("123456", "AR"), ("2012345a", "AR"), ("12345678", "BR"), ("-", "UY")])
def test_tax_id_of_a_wrong_length_is_refused(tax_id, country):
    with pytest.raises(InvalidTaxId):
        canonical(tax_id, country=country, kind="person")


def test_entity_with_a_wrong_tax_id_is_refused(world):
    answer = world.post("/api/entities", type="person", name="Ana", taxId="123", countryCode="AR")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_TAX_ID")


def test_duplicate_is_refused_with_nested_details(world):
    existing = world.entity("20123456")
    answer = world.post("/api/entities", type="person", name="Eva", taxId="20.123.456", countryCode="AR")
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "DUPLICATE_TAX_ID"
    assert answer.json["error"]["details"] == {
        "existingEntityId": existing["id"],
        "existingEntityName": "Ana Gómez",
        "existingEntityType": "person",
    }


def test_duplicate_can_be_refused_with_flat_details():
    world = World(duplicate_shape="flat")
    existing = world.entity("20123456")
    answer = world.post("/api/entities", type="person", name="Eva", taxId="20123456", countryCode="AR")
    assert answer.json["error"] == "DUPLICATE_TAX_ID"
    assert answer.json["details"]["existingEntityId"] == existing["id"]


def test_company_may_share_a_persons_tax_id(world):
    world.entity("20201234565")
    answer = world.post("/api/entities", type="company", name="Co", taxId="20201234565", countryCode="AR")
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"taxId": "20.123.456"}, 1),
        ({"taxId": "20123456"}, 0),
        ({"externalId": "ours", "type": "person", "country": "AR"}, 1),
        ({"country": "BR"}, 0),
    ],
)
def test_entities_are_found_by_exact_fields(world, query, found):
    world.entity("20123456", externalId="ours")
    rows = world.get("/api/entities", **query).json["entities"]
    assert len(rows) == found


@pytest.mark.parametrize("path", ["/nobody", "/by-external-id/nobody", "/by-tax-id/1"])
def test_unknown_entity_is_not_found(world, path):
    answer = world.get("/api/entities" + path)
    assert (answer.status_code, answer.json["error"]) == (404, "ENTITY_NOT_FOUND")


@pytest.mark.parametrize("path", ["/entities", "/api/entities/x", "/api/kyc/validations"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
def test_calls_without_the_key_are_refused(world, path, header):
    answer = world.client.get(path, headers=header)
    assert answer.status_code == 401
    assert set(answer.json) == {"error", "message"}


# Validations


def test_created_validation_has_a_session(world):
    entity = world.entity()
    answer = world.post("/api/kyc/validations", entityId=entity["id"], integrationCode=CODE, metadata={"a": 1})
    assert answer.status_code == 201 and set(answer.json) == VALIDATION_CREATED
    assert answer.json["providerSessionUrl"] == f"http://localhost/session/{answer.json['sessionId']}"
    assert (answer.json["status"], answer.json["isCurrent"], answer.json["metadata"]) == ("pending", True, {"a": 1})


def test_read_validation_has_the_newest_keys(world):
    row = world.read(world.validation(world.entity()))
    assert set(row) == VALIDATION_READ
    assert (row["createdAt"], row["expiresAt"]) == ("2026-03-01T12:00:00.123Z", "2026-03-08T12:00:00.123Z")


def test_public_url_leads_to_the_session():
    world = World(public_url="https://mock.example/")
    url = world.validation(world.entity())["providerSessionUrl"]
    assert url.startswith("https://mock.example/session/")


@pytest.mark.parametrize(("body", "query", "asked"), [(True, "", True), (False, "true", True), (True, "false", False)])
def test_query_decides_over_the_registry_double_check(world, body, query, asked):
    path = "/api/kyc/validations" + (f"?doubleCheckRenaper={query}" if query else "")
    entity = world.entity()
    row = world.post(path, entityId=entity["id"], integrationCode=CODE, doubleCheckRenaper=body).json
    assert (row["metadata"] == {"doubleChecks": {"renaper": True}}) is asked


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"entityId": "nobody"}, 404, "ENTITY_NOT_FOUND"),
        ({"integrationCode": "other"}, 400, "KYC_NOT_CONFIGURED"),
        ({"integrationCode": ""}, 400, "VALIDATION_ERROR"),
        ({"metadata": {"a": "x" * 10240}}, 400, "VALIDATION_ERROR"),
        ({"metadata": "text"}, 400, "VALIDATION_ERROR"),
    ],
)
def test_validation_that_cannot_be_is_refused(world, body, status, code):
    body = {"entityId": world.entity()["id"], "integrationCode": CODE} | body
    answer = world.post("/api/kyc/validations", **body)
    assert (answer.status_code, answer.json["error"]) == (status, code)


def test_company_cannot_be_validated(world):
    company = world.entity("30712345671", type="company")
    answer = world.post("/api/kyc/validations", entityId=company["id"], integrationCode=CODE)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_ENTITY_TYPE")


def test_new_validation_takes_over_as_current(world):
    entity = world.entity()
    first, second = world.validation(entity), world.validation(entity)
    assert [world.read(row)["isCurrent"] for row in (first, second)] == [False, True]
    assert world.get(f"/api/kyc/entities/{entity['id']}/current").json["id"] == second["id"]


def test_current_is_not_found_before_or_after_a_validation(world):
    entity = world.entity()
    path = f"/api/kyc/entities/{entity['id']}/current"
    assert world.get(path).status_code == 404
    world.choose(world.validation(entity), "expire")
    assert world.get(path).status_code == 404


def test_entitys_validations_are_paged_newest_first(world):
    entity = world.entity()
    created = [world.validation(entity)["id"] for _ in range(3)]
    page = world.get(f"/api/kyc/entities/{entity['id']}/validations", page=2, limit=2).json
    assert set(page) == {"validations", "total", "page", "limit"}
    assert [row["id"] for row in page["validations"]] == created[:1]
    assert (page["total"], page["page"], page["limit"]) == (3, 2, 2)


@pytest.mark.parametrize(
    ("query", "count"), [({}, 2), ({"isCurrent": "true"}, 1), ({"status": "approved"}, 1), ({"status": "expired"}, 0)]
)
def test_validations_are_filtered(world, query, count):
    entity = world.entity()
    world.choose(world.validation(entity), "approve")
    world.validation(entity)
    rows = world.get(f"/api/kyc/entities/{entity['id']}/validations", **query).json
    assert (len(rows["validations"]), rows["total"]) == (count, count)
    assert len(world.get("/api/kyc/validations", **query).json["validations"]) == count


def test_status_of_a_verified_entity(world):
    entity = world.entity()
    validation = world.validation(entity)
    world.choose(validation, "approve")
    status = world.get(f"/api/kyc/entities/{entity['id']}/status").json
    assert status.pop("lastVerifiedAt") == "2026-03-01T12:00:00.123Z"
    assert status.pop("expiresAt") == "2027-03-01T12:00:00.123Z"
    assert set(status.pop("currentValidation")) == {"id", "status", "verifiedAt"}
    assert status == {"entityId": entity["id"], "hasKyc": True, "isVerified": True, "needsReverification": False}


def test_status_of_an_unverified_entity(world):
    entity = world.entity()
    status = world.get(f"/api/kyc/entities/{entity['id']}/status").json
    assert (status["hasKyc"], status["isVerified"], status["currentValidation"]) == (False, False, None)


def test_sync_answers_with_the_row(world):
    validation = world.validation(world.entity())
    answer = world.post(f"/api/kyc/validations/{validation['id']}/sync", force=True)
    assert answer.status_code == 200
    assert answer.json == world.read(validation)


def test_sync_without_a_provider_session_is_refused(world):
    validation = world.validation(world.entity("99990001"))
    assert world.post(f"/api/kyc/validations/{validation['id']}/sync").status_code == 400


def test_cancelled_validation_is_not_current(world):
    answer = world.cancel(world.validation(world.entity()))
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["isCurrent"]) == ("cancelled", False)


def test_cancel_needs_a_reason_and_an_open_validation(world):
    validation = world.validation(world.entity())
    assert world.cancel(validation, reason="why").json["error"] == "INVALID_REASON"
    world.choose(validation, "approve")
    assert world.cancel(validation).json["error"] == "INVALID_STATUS"


@pytest.mark.parametrize("path", ["", "/sync", "/cancel"])
def test_unknown_validation_is_not_found(world, path):
    method = {"": "GET", "/sync": "POST", "/cancel": "DELETE"}[path]
    answer = world.client.open(f"/api/kyc/validations/x{path}", method=method, headers=AUTHORIZED, json={})
    assert (answer.status_code, answer.json["error"]) == (404, "VALIDATION_NOT_FOUND")


def test_each_change_is_later_than_the_one_before(world):
    validation = world.validation(world.entity())
    stamps = [validation["updatedAt"]]
    for outcome in ("abandon", "approve"):
        world.choose(validation, outcome)
        stamps.append(world.read(validation)["updatedAt"])
    assert stamps == sorted(set(stamps))


# Verdicts


def test_approval_carries_the_entitys_own_data(world):
    row = world.settled("20-99990001-5")
    assert row["status"] == "approved" and row["verifiedAt"]
    assert set(row["decision"]) == DECISION_APPROVED
    assert row["extractedData"] == {
        "firstName": "Ana",
        "lastName": "Gómez",
        "dateOfBirth": "1990-05-20",
        "nationality": "AR",
        "documentType": "Identity Card",
        "documentNumber": "99990001",
    }


def test_rejection_names_its_code_in_both_forms(world):
    row = world.settled("99990021")
    warning = row["decision"]["liveness"]["warnings"][0]
    assert row["warnings"] == ["LIVENESS_FACE_ATTACK"]
    assert set(row["decision"]) == DECISION_DECLINED and row["decision"]["status"] == "Declined"
    assert set(warning) == {"risk", "feature", "short_description", "long_description", "log_type"}


def test_every_block_of_a_decision_comes_twice(world):
    decision = world.settled("99990001")["decision"]
    pairs = [("id_verification", "id_verifications"), ("liveness", "liveness_checks"), ("face_match", "face_matches")]
    assert all(decision[array] == [decision[plain]] for plain, array in pairs)


def test_approval_carries_the_registrys_answer(world):
    answer = world.settled("99990001")["metadata"]["responseDoubleChecks"]["renaper"]
    assert (answer["verified"], answer["matchResult"]) == (True, "match")
    assert answer["personalNumber"] == answer["idTramitePrincipal"]


def test_registry_is_silent_unless_asked(world):
    row = world.settled("99990016", doubleCheckRenaper=False)
    assert (row["status"], row["metadata"]) == ("approved", {})


@pytest.mark.parametrize(("document", "code"), list(zip(range(99990011, 99990017), REGISTRY_CODES, strict=True)))
def test_registry_rejects_what_the_provider_approved(world, document, code):
    row = world.settled(str(document))
    assert row["status"] == "rejected" and row["decision"]["status"] == "Approved"
    assert row["metadata"]["warnings"] == [code] and row["warnings"] == []
    assert row["metadata"]["responseDoubleChecks"]["renaper"]["errorCode"] == code


def test_registry_code_can_be_chosen_by_hand_unasked(world):
    validation = world.validation(world.entity(), doubleCheckRenaper=False)
    world.choose(validation, "RENAPER_DNI_NOT_MATCH")
    assert world.read(validation)["metadata"]["warnings"] == ["RENAPER_DNI_NOT_MATCH"]


def test_somebody_elses_document_can_be_approved(world):
    validation = world.validation(world.entity())
    world.choose(validation, "approve-somebody-else")
    row = world.read(validation)
    assert row["status"] == "approved"
    assert row["extractedData"]["documentNumber"] == row["decision"]["id_verification"]["document_number"] == "11111111"


# Scenarios


def test_automatic_scenario_is_pending_without_a_session_first(world):
    validation = world.validation(world.entity("99.990.001"))
    assert (validation["status"], validation["providerSessionUrl"], validation["sessionId"]) == ("pending", None, None)
    assert world.run_next() == 2.0
    assert world.read(validation)["status"] == "approved"


@pytest.mark.parametrize(
    ("document", "status", "warnings"),
    [
        ("99990002", "rejected", ["DOCUMENT_EXPIRED"]),
        ("99990003", "in_review", []),
        ("99990004", "cancelled", []),
        ("99990005", "expired", []),
        ("99990022", "rejected", ["LOW_FACE_MATCH_SIMILARITY"]),
        ("99990041", "frozen", []),
    ],
)
def test_automatic_scenario_ends_as_its_row_says(world, document, status, warnings):
    row = world.settled(document)
    assert (row["status"], row["warnings"]) == (status, warnings)


@pytest.mark.parametrize("document", ["99990016", "99990022"])
def test_second_attempt_is_approved(world, document):
    entity = world.entity(document)
    statuses = []
    for _ in range(3):
        validation = world.validation(entity)
        world.run_next()
        statuses.append(world.read(validation)["status"])
    assert statuses == ["rejected", "approved", "approved"]


def test_registry_can_take_an_approval_back(world):
    validation = world.validation(world.entity("99990031"))
    world.run_next()
    approved = world.read(validation)
    assert approved["status"] == "approved" and "responseDoubleChecks" not in approved["metadata"]
    assert world.run_next() == 5.0
    rejected = world.read(validation)
    assert (rejected["status"], rejected["verifiedAt"]) == ("rejected", None)
    assert rejected["metadata"]["warnings"] == ["RENAPER_TRAMITE_ID_NOT_MATCH"]


def test_cancelled_validation_gets_no_automatic_outcome(world):
    validation = world.validation(world.entity("99990001"))
    world.cancel(validation)
    world.run_next()
    assert world.read(validation)["status"] == "cancelled"


def test_entity_fault_refuses_the_entity(world):
    answer = world.post("/api/entities", type="person", name="Ana", taxId="30000400", countryCode="AR")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_TAX_ID")


def test_busy_number_is_served_after_twenty_seconds(world):
    body = {"type": "person", "name": "Ana", "taxId": "30000503", "countryCode": "AR", "externalId": "ours"}
    assert world.post("/api/entities", **body).status_code == 503
    assert world.get("/api/entities/by-external-id/ours").status_code == 503
    assert world.get("/api/entities/by-external-id/other").status_code == 404
    world.time += timedelta(seconds=20)
    assert world.post("/api/entities", **body).status_code == 201


def test_scenarios_are_listed_as_json(world):
    rows = world.client.get("/_mock/scenarios").json["scenarios"]
    assert [row["document"] for row in rows] == [scenario.document for scenario in SCENARIOS]
    assert [row["document"] for row in rows if row["origin"] == "gu1"] == ["99990001"]
    assert set(rows[0]) == {"document", "name", "outcomes", "hosted", "origin", "what"}


def test_hosted_page_offers_whatever_is_planned_for_it():
    offered = {outcome.key for group in OFFERED.values() for outcome in group}
    assert {outcome.key for row in SCENARIOS if row.hosted for outcome in row.outcomes} <= offered


def test_scenarios_have_documents_and_names_of_their_own():
    assert len({row.document for row in SCENARIOS}) == len({row.name for row in SCENARIOS}) == len(SCENARIOS)


# The hosted page


def test_opening_the_hosted_page_begins_the_session(world):
    validation = world.validation(world.entity())
    page = world.client.get(validation["providerSessionUrl"])
    assert page.status_code == 200 and "Mock." in page.text
    assert world.read(validation)["status"] == "in_progress"
    world.client.get(validation["providerSessionUrl"])
    assert [event["event"] for event in world.events()] == ["kyc.validation_created", "kyc.validation_in_progress"]


def test_hosted_page_offers_every_outcome_once(world):
    page = world.client.get(world.validation(world.entity())["providerSessionUrl"]).text
    labels = re.findall(r"<button[^>]*>([^<]+)</button>", page)
    assert labels[0] == "Approve" and len(labels) == len(set(labels)) == 16
    assert {f"Reject: {code}" for code in REGISTRY_CODES} < set(labels)


def test_planned_outcome_is_the_first_button(world):
    page = world.client.get(world.validation(world.entity("30000016"))["providerSessionUrl"]).text
    labels = re.findall(r"<button[^>]*>([^<]+)</button>", page)
    assert labels[0] == "Continue as planned: Reject: RENAPER_TRAMITE_ID_NOT_MATCH"
    assert len(labels) == 16


@pytest.mark.parametrize(
    ("outcome", "word"), [("approve", "Approved"), ("DOCUMENT_EXPIRED", "Declined"), ("review", "In+Review")]
)
def test_person_is_sent_back_with_the_providers_word(outcome, word):
    world = World(return_url="http://portal/return")
    validation = world.validation(world.entity())
    answer = world.choose(validation, outcome)
    expected = f"http://portal/return?verificationSessionId={validation['sessionId']}&status={word}"
    assert (answer.status_code, answer.location) == (303, expected)


@pytest.mark.parametrize(("outcome", "status"), [("abandon", "abandoned"), ("expire", "expired")])
def test_person_who_leaves_is_not_sent_back(outcome, status):
    world = World(return_url="http://portal/return")
    validation = world.validation(world.entity())
    assert world.choose(validation, outcome).status_code == 200
    assert world.read(validation)["status"] == status


def test_page_can_be_closed_without_a_return_url(world):
    answer = world.choose(world.validation(world.entity()), "approve")
    assert answer.status_code == 200
    assert "You can close this page" in answer.text


@pytest.mark.parametrize("outcome", ["approve", "DOCUMENT_EXPIRED", "review", "expire"])
def test_finished_session_is_over(world, outcome):
    validation = world.validation(world.entity())
    world.choose(validation, outcome)
    before = world.read(validation)
    pages = [world.client.get(validation["providerSessionUrl"]), world.choose(validation, "approve")]
    assert all("This session is over" in page.text for page in pages)
    assert world.read(validation) == before


def test_cancelled_session_is_over(world):
    validation = world.validation(world.entity())
    world.cancel(validation)
    assert "This session is over" in world.client.get(validation["providerSessionUrl"]).text


def test_abandoned_session_can_be_gone_on_with(world):
    validation = world.validation(world.entity())
    world.choose(validation, "abandon")
    world.client.get(validation["providerSessionUrl"])
    assert world.read(validation)["status"] == "in_progress"


def test_unknown_session_and_outcome_are_refused(world):
    validation = world.validation(world.entity())
    assert world.client.get("/session/nothing").status_code == 404
    assert world.choose({"sessionId": "nothing"}, "approve").status_code == 404
    assert world.choose(validation, "nonsense").status_code == 400


def test_stylesheet_is_served_and_pages_hold_none(world):
    page = world.client.get(world.validation(world.entity())["providerSessionUrl"]).text
    with world.client.get("/static/mock.css") as stylesheet:
        assert stylesheet.status_code == 200
    assert "<style" not in page and "<script" not in page and "style=" not in page


# Webhooks


def test_webhook_is_signed_over_its_raw_body(world):
    world.validation(world.entity())
    world.events()
    body, headers = world.received[0]
    assert headers[SIGNATURE_HEADER] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_newest_envelope_carries_the_row(world):
    validation = world.validation(world.entity())
    world.choose(validation, "approve")
    created, approved = world.events()
    assert set(created) == {"event", "timestamp", "organizationId", "payload"}
    assert set(created["payload"]) == VALIDATION_READ
    assert set(approved["payload"].pop("entity")) == ENTITY_READ
    assert approved["payload"] == world.read(validation)


def test_middle_envelope_is_short():
    world = World(envelope="v2a")
    validation = world.validation(world.entity(externalId="ours"))
    payload = world.events()[0]["payload"]
    assert set(payload) == {"validationId", "entityId", "entity", "status"}
    assert set(payload["entity"]) == {"id", "externalId", "name", "type"}
    assert payload["validationId"] == validation["id"]


def test_oldest_envelope_has_type_and_data():
    world = World(envelope="v1")
    validation = world.validation(world.entity())
    event = world.events()[0]
    assert set(event) == {"id", "type", "data"} and event["type"] == "kyc.validation_created"
    assert (event["data"]["validationId"], event["data"]["status"]) == (validation["id"], "pending")


def test_every_step_has_its_event(world):
    entity = world.entity()
    world.client.get(world.validation(entity)["providerSessionUrl"])
    for outcome in ("review", "approve", "DOCUMENT_EXPIRED", "abandon", "expire"):
        world.choose(world.validation(entity), outcome)
    world.cancel(world.validation(entity))
    steps = {event["event"].removeprefix("kyc.validation_") for event in world.events()}
    assert steps == keys("created in_progress in_review approved rejected abandoned expired cancelled")


def test_failed_delivery_is_tried_again_before_the_next(world):
    world.answers = [500, 200]
    world.choose(world.validation(world.entity()), "approve")
    assert [event["event"].rsplit("_", 1)[1] for event in world.events()] == ["created", "created", "approved"]


def test_delivery_given_up_is_logged_once(world, caplog):
    world.answers = [500, 500, 500]
    world.choose(world.validation(world.entity()), "approve")
    assert len(world.events()) == 4
    assert [record.getMessage() for record in caplog.records] == [
        "webhook kyc.validation_created given up after 3 tries: HTTP 500"
    ]


def test_mock_works_without_any_webhook():
    client = create_mock().test_client()
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR"}
    entity = client.post("/api/entities", headers=AUTHORIZED, json=body).json["entity"]
    body = {"entityId": entity["id"], "integrationCode": CODE}
    assert client.post("/api/kyc/validations", headers=AUTHORIZED, json=body).status_code == 201


# The control page


def test_ledger_charges_a_validation_once(world):
    entity = world.entity("99990031")
    world.validation(entity, metadata={"portal": {"onboarding": "o1"}})
    while world.waiting:
        world.run_next()
    once = {"created": 1, "completed": 1, "charged": 1}
    ledger = world.client.get("/_mock/ledger").json
    assert ledger == once | {"entities": {entity["id"]: once}, "onboardings": {"o1": once}}


@pytest.mark.parametrize(("outcome", "completed"), [("expire", 1), ("abandon", 1), ("review", 0)])
def test_ledger_charges_nothing_without_a_verdict(world, outcome, completed):
    world.choose(world.validation(world.entity()), outcome)
    ledger = world.client.get("/_mock/ledger").json
    assert (ledger["created"], ledger["completed"], ledger["charged"]) == (1, completed, 0)


def test_outage_ends_by_itself(world):
    assert world.client.post("/_mock/outage", json={"seconds": 5}).status_code == 204
    answer = world.get("/api/kyc/validations")
    assert answer.status_code == 503 and set(answer.json) == {"error", "message"}
    world.time += timedelta(seconds=5)
    assert world.get("/api/kyc/validations").status_code == 200


def test_outage_needs_a_number_of_seconds(world):
    assert world.client.post("/_mock/outage", json={"seconds": "long"}).status_code == 400


def test_reset_empties_the_mock(world):
    entity = world.entity()
    world.validation(entity)
    world.client.post("/_mock/reset")
    assert world.get(f"/api/entities/{entity['id']}").status_code == 404
    assert world.client.get("/_mock/ledger").json["created"] == 0


def test_control_page_lists_validations_newest_first(world):
    assert "None yet" in world.client.get("/").text
    entity = world.entity()
    first, second = world.validation(entity), world.validation(entity)
    page = world.client.get("/").text
    assert 0 < page.index(second["id"]) < page.index(first["id"])


def test_unknown_api_address_answers_in_json(world):
    answer = world.get("/api/nothing")
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")


def test_mock_answers_in_process_through_httpx(world):
    transport = httpx.WSGITransport(app=world.app)
    with httpx.Client(transport=transport, base_url="http://gu1", headers=AUTHORIZED) as client:
        assert client.get("/api/kyc/validations").json() == {"validations": []}
