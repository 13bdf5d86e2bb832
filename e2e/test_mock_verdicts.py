"""The contents of a verdict."""

from e2e.mock_client import DECISION_APPROVED, DECISION_DECLINED
from e2e.mock_gu1.outcomes import REGISTRY_CODES


def test_approval_carries_the_entitys_own_data(mock):
    row = mock.settled("20-99990001-5")
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


def test_rejection_names_its_code_in_both_forms(mock):
    row = mock.settled("99990021")
    warning = row["decision"]["liveness"]["warnings"][0]
    assert row["warnings"] == ["LIVENESS_FACE_ATTACK"]
    assert set(row["decision"]) == DECISION_DECLINED and row["decision"]["status"] == "Declined"
    assert set(warning) == {"risk", "feature", "short_description", "long_description", "log_type"}


def test_every_block_of_a_decision_comes_twice(mock):
    decision = mock.settled("99990001")["decision"]
    pairs = [("id_verification", "id_verifications"), ("liveness", "liveness_checks"), ("face_match", "face_matches")]
    assert all(decision[array] == [decision[plain]] for plain, array in pairs)


def test_approval_carries_the_registrys_answer(mock):
    answer = mock.settled("99990001")["metadata"]["responseDoubleChecks"]["renaper"]
    assert (answer["verified"], answer["matchResult"]) == (True, "match")
    assert answer["personalNumber"] == answer["idTramitePrincipal"]


def test_registry_is_silent_unless_asked(mock):
    row = mock.settled("99990016", doubleCheckRenaper=False)
    assert (row["status"], row["metadata"]) == ("approved", {})


def test_registry_rejects_what_the_provider_approved(mock):
    for document, code in zip(range(99990011, 99990017), REGISTRY_CODES, strict=True):
        row = mock.settled(str(document))
        assert row["status"] == "rejected" and row["decision"]["status"] == "Approved"
        assert row["metadata"]["warnings"] == [code] and row["warnings"] == []
        assert row["metadata"]["responseDoubleChecks"]["renaper"]["errorCode"] == code


def test_registry_code_can_be_chosen_by_hand_unasked(mock):
    validation = mock.validation(mock.entity(), doubleCheckRenaper=False)
    mock.choose(validation, "RENAPER_DNI_NOT_MATCH")
    assert mock.read(validation)["metadata"]["warnings"] == ["RENAPER_DNI_NOT_MATCH"]


def test_somebody_elses_document_can_be_approved(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "approve-somebody-else")
    row = mock.read(validation)
    assert row["status"] == "approved"
    assert row["extractedData"]["documentNumber"] == row["decision"]["id_verification"]["document_number"] == "11111111"
    assert (row["extractedData"]["firstName"], row["decision"]["id_verification"]["last_name"]) == (
        "ROSA",
        "QUISPE MAMANI",
    )


def test_document_can_be_approved_without_a_word_of_it(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "approve-unread")
    row = mock.read(validation)
    assert row["status"] == "approved"
    assert not any(row["extractedData"].values()) and row["decision"]["id_verification"]["full_name"] is None
