"""Each word of each switch changes the answers as documented."""

from dataclasses import asdict

import pytest

from e2e.mock_client import AUTHORIZED, CODE, MockClient
from e2e.mock_gu1.__main__ import parser
from e2e.mock_gu1.api_variants import SWITCHES, ApiVariant, words_of


def entity_answer(mock, tax_id="20123456"):
    return mock.post("/api/entities", type="person", name="Ana", taxId=tax_id, countryCode="AR")


def test_every_word_of_the_table_is_an_option_of_the_command():
    for switch in SWITCHES:
        for word in words_of(switch) or (100,):
            option = f"--{switch.name.replace('_', '-')}"
            assert vars(parser().parse_args([option, str(word)]))[switch.name] == word


def test_variant_is_shown_with_its_allowed_words(mock):
    shown = mock.client.get("/_mock/world").json
    assert {name: switch["value"] for name, switch in shown.items()} == asdict(ApiVariant())
    assert shown["duplicates"]["words"] == ["refuse", "allow"] and shown["duplicates"]["what"]


@pytest.mark.parametrize("body", [{"duplicates": "maybe"}, {"nothing": "x"}, {"hourly_limit": -1}])
def test_word_that_is_not_allowed_changes_nothing(mock, body):
    answer = mock.told("world", renaper="two_steps", **body)
    assert answer.status_code == 400
    assert mock.client.get("/_mock/world").json["renaper"]["value"] == "one_step"


def test_reset_restores_the_variant_of_the_start():
    mock = MockClient(duplicates="allow")
    mock.told("world", duplicates="refuse")
    mock.told("reset")
    assert mock.client.get("/_mock/world").json["duplicates"]["value"] == "allow"


def test_duplicate_can_be_a_second_entity(mock):
    mock.told("world", duplicates="allow")
    assert [entity_answer(mock).status_code for _ in range(2)] == [201, 201]
    assert len(mock.get("/api/entities", taxId="20.123.456").json["entities"]) == 2


def test_duplicate_can_hide_the_existing_entity():
    mock = MockClient(duplicate_shape="without_id")
    entity_answer(mock)
    answer = entity_answer(mock)
    assert answer.status_code == 409
    assert set(answer.json) == {"error", "message"}


@pytest.mark.parametrize(("word", "keys"), [("entity", {"success", "entity"}), ("data", {"success", "data"})])
def test_created_entity_comes_in_either_envelope(word, keys):
    answer = entity_answer(MockClient(entity_envelope=word, entity_status="200"))
    assert (answer.status_code, set(answer.json)) == (200, keys)


@pytest.mark.parametrize("word", ["data", "entities"])
def test_list_of_entities_has_either_key(word):
    assert MockClient(entities_list=word).get("/entities").json == {word: []}


def test_envelopes_can_be_left_out():
    mock = MockClient(entity_envelope="bare", entity_read_envelope="data", entities_list="bare")
    entity = entity_answer(mock).json
    assert mock.get(f"/entities/{entity['id']}").json["data"]["id"] == entity["id"]
    assert [row["id"] for row in mock.get("/entities").json] == [entity["id"]]


@pytest.mark.parametrize(
    ("word", "there", "gone"), [("api", "/api/entities", "/entities"), ("root", "/entities", "/api/entities")]
)
def test_entities_can_be_at_one_path_only(word, there, gone):
    mock = MockClient(entities_path=word)
    assert [mock.get(path).status_code for path in (there, gone)] == [200, 404]


@pytest.mark.parametrize(("word", "status"), [("accept", 201), ("pad", 201), ("refuse", 400)])
def test_seven_digit_document_is_taken_as_the_variant_says(word, status):
    answer = entity_answer(MockClient(seven_digit_dni=word), "1234567")
    assert answer.status_code == status
    assert word != "pad" or answer.json["entity"]["taxId"] == "01.234.567"


@pytest.mark.parametrize(
    ("word", "created", "read"),
    [
        ("by_call", {"sessionId"}, {"validationSessionId"}),
        ("sessionId", {"sessionId"}, {"sessionId"}),
        ("both", {"sessionId", "validationSessionId"}, {"sessionId", "validationSessionId"}),
    ],
)
def test_session_has_the_name_of_its_generation(word, created, read):
    mock = MockClient(session_key=word)
    row = mock.validation(mock.entity())
    names = {"sessionId", "validationSessionId"}
    assert (names & set(row), names & set(mock.read(row))) == (created, read)


@pytest.mark.parametrize(("word", "created", "read"), [("everywhere", True, True), ("missing", False, False)])
def test_expiry_can_be_everywhere_or_nowhere(word, created, read):
    mock = MockClient(expires_at=word)
    row = mock.validation(mock.entity())
    assert ("expiresAt" in row, "expiresAt" in mock.read(row)) == (created, read)


def test_metadata_may_not_be_echoed_at_all():
    mock = MockClient(metadata_echo="no")
    row = mock.validation(mock.entity(), metadata={"a": 1}, doubleCheckRenaper=False)
    assert "metadata" not in row and "metadata" not in mock.read(row)


def test_newest_creation_refuses_what_its_page_does_not_list():
    mock = MockClient(create_keys="newest")
    row = mock.post("/api/kyc/validations", entityId=mock.entity()["id"], integrationCode=CODE, metadata={})
    assert (row.status_code, row.json["error"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(("word", "link"), [("null", {"providerSessionUrl": None}), ("missing", {})])
def test_automatic_validation_has_no_link(word, link):
    mock = MockClient(automatic_session=word)
    row = mock.validation(mock.entity("99990001"))
    assert {key: row[key] for key in row if key == "providerSessionUrl"} == link


@pytest.mark.parametrize("place", ["top", "metadata", "decision"])
def test_warnings_stand_in_one_place_as_objects(place):
    mock = MockClient(warnings_place=place, warnings_form="objects")
    row = mock.settled("99990021", doubleCheckRenaper=False)
    found = {
        "top": row["warnings"],
        "metadata": row["metadata"].get("warnings", []),
        "decision": row["decision"]["liveness"]["warnings"],
    }
    assert {name for name, warnings in found.items() if warnings} == {place}
    assert found[place][0]["risk"] == "LIVENESS_FACE_ATTACK"


def test_decision_can_be_left_out_and_its_features_be_lower_case():
    assert MockClient(decision="none").settled("99990001")["decision"] is None
    decision = MockClient(features="lower", media="links").settled("99990001")["decision"]
    assert decision["features"][0] == "id_verification"
    assert decision["images"]["selfie"].startswith("https://")


def test_errors_can_be_nested():
    answer = MockClient(error_shape="nested").get("/api/entities/nobody")
    assert answer.json == {"error": {"code": "ENTITY_NOT_FOUND", "message": "Entity not found"}}


@pytest.mark.parametrize(("word", "status", "metadata"), [("refuse", 400, None), ("skip", 201, {})])
def test_registry_without_credentials_is_refused_or_skipped(word, status, metadata):
    mock = MockClient(renaper_credentials=word)
    body = {"entityId": mock.entity()["id"], "integrationCode": CODE, "doubleCheckRenaper": True}
    answer = mock.post("/api/kyc/validations", **body)
    assert (answer.status_code, answer.json.get("metadata")) == (status, metadata)


def test_numbers_and_strings_change_places_but_ids_stay():
    mock = MockClient(numbers="as_strings", strings="as_numbers")
    row = mock.settled("99990001", metadata={"portal": {"validation": 1, "nonce": "123"}})
    assert row["extractedData"]["documentNumber"] == 99990001
    assert row["decision"]["liveness"]["score"] == "98"
    assert row["metadata"]["portal"] == {"validation": 1, "nonce": "123"}


def test_extra_keys_are_in_answers_and_webhooks():
    mock = MockClient(extra_keys="on")
    row = mock.validation(mock.entity())
    assert "schemaVersion" in row and "schemaVersion" in mock.events()[0]["payload"]


@pytest.mark.parametrize(("word", "statuses"), [("cancels_first", ["cancelled"]), ("moves_current", ["pending"])])
def test_second_validation_does_to_the_first_what_the_variant_says(word, statuses):
    mock = MockClient(second_validation=word)
    entity = mock.entity()
    first, _ = mock.validation(entity), mock.validation(entity)
    assert [mock.read(first)["status"]] == statuses


def test_current_validation_can_be_the_newest_approved():
    mock = MockClient(is_current="newest_approved")
    entity = mock.entity()
    first = mock.validation(entity)
    mock.choose(first, "approve")
    mock.validation(entity)
    assert mock.get(f"/api/kyc/entities/{entity['id']}/current").json["id"] == first["id"]


@pytest.mark.parametrize(
    ("variant", "status"),
    [({"key": "revoked_401"}, 401), ({"key": "forbidden_403"}, 403), ({"organization_header": "required"}, 400)],
)
def test_good_key_can_be_turned_away(variant, status):
    assert MockClient(**variant).get("/api/kyc/validations").status_code == status


def test_organization_header_opens_the_door():
    headers = AUTHORIZED | {"x-organization-id": "org"}
    mock = MockClient(organization_header="required")
    assert mock.client.get("/api/kyc/validations", headers=headers).status_code == 200


@pytest.mark.parametrize(("word", "status"), [("exhausted_402", 402), ("exhausted_400", 400)])
def test_validation_without_credit_is_refused(word, status):
    mock = MockClient(credit=word)
    answer = mock.post("/api/kyc/validations", entityId=mock.entity()["id"], integrationCode=CODE)
    assert (answer.status_code, answer.json["error"]) == (status, "INSUFFICIENT_CREDITS")
