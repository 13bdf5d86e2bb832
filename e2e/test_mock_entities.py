"""Entities: create, find, read, refuse."""

import pytest

from e2e.mock_client import ENTITY_CREATED, ENTITY_READ, MockClient
from e2e.mock_gu1.tax_ids import InvalidTaxId, canonical


@pytest.mark.parametrize("prefix", ["/api/entities", "/entities"])
def test_entity_is_created_and_read_under_both_prefixes(mock, prefix):
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR", "externalId": "x/1"}
    created = mock.post(prefix, **body)
    assert created.status_code == 201 and created.json["success"] is True
    entity = created.json["entity"]
    assert set(entity) == ENTITY_CREATED
    reads = [f"/{entity['id']}", "/by-external-id/x/1", "/by-tax-id/20.123.456"]
    assert all(set(mock.get(prefix + path).json) == ENTITY_READ for path in reads)


def test_entity_without_a_required_field_is_refused(mock):
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR"}
    for missing in body:
        answer = mock.post("/api/entities", **body | {missing: ""})
        assert (answer.status_code, answer.json["error"]) == (400, "VALIDATION_ERROR"), missing


STORED = {
    ("1234567", "AR", "person"): "1.234.567",
    ("20 123 456", "AR", "person"): "20.123.456",
    ("20201234565", "AR", "person"): "20-20123456-5",
    ("30712345671", "AR", "company"): "30-71234567-1",
    ("123456789", "BR", "person"): "1.234.567-89",
    ("1234567890", "BR", "person"): "12.345.678-90",
    ("12345678901", "BR", "person"): "123.456.789-01",
    ("1234567890123", "BR", "company"): "1.234.567/8901-23",
    ("12345678901234", "BR", "company"): "12.345.678/9012-34",
    ("12345678k", "CL", "person"): "12.345.678-K",
    ("goma900520ab1", "MX", "person"): "GOMA900520AB1",
    ("1-234-567", "CO", "person"): "1234567",
}


def test_tax_id_is_stored_in_its_countrys_form():
    assert {given: canonical(given[0], country=given[1], kind=given[2]) for given in STORED} == STORED


def test_tax_id_of_a_wrong_length_is_refused():
    for tax_id, country in (("123456", "AR"), ("2012345a", "AR"), ("12345678", "BR"), ("-", "UY")):
        with pytest.raises(InvalidTaxId):
            canonical(tax_id, country=country, kind="person")


def test_entity_with_a_wrong_tax_id_is_refused(mock):
    answer = mock.post("/api/entities", type="person", name="Ana", taxId="123", countryCode="AR")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_TAX_ID")


def test_same_digits_of_another_country_are_a_duplicate_where_gu1_says_so(mock):
    mock.entity("20123456")
    colombian = {"type": "person", "name": "Eva", "taxId": "20123456", "countryCode": "CO"}
    assert mock.post("/api/entities", **colombian).status_code == 409
    mock.told("world", duplicate_scope="country")
    assert mock.post("/api/entities", **colombian).status_code == 201
    assert mock.post("/api/entities", **colombian).status_code == 409


def test_duplicate_is_refused_with_nested_details(mock):
    existing = mock.entity("20123456")
    answer = mock.post("/api/entities", type="person", name="Eva", taxId="20.123.456", countryCode="AR")
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "DUPLICATE_TAX_ID"
    assert answer.json["error"]["details"] == {
        "existingEntityId": existing["id"],
        "existingEntityName": "Ana Gómez",
        "existingEntityType": "person",
    }


def test_duplicate_can_be_refused_with_flat_details():
    mock = MockClient(duplicate_shape="flat")
    existing = mock.entity("20123456")
    answer = mock.post("/api/entities", type="person", name="Eva", taxId="20123456", countryCode="AR")
    assert answer.json["error"] == "DUPLICATE_TAX_ID"
    assert answer.json["details"]["existingEntityId"] == existing["id"]


def test_company_may_share_a_persons_tax_id(mock):
    mock.entity("20201234565")
    answer = mock.post("/api/entities", type="company", name="Co", taxId="20201234565", countryCode="AR")
    assert answer.status_code == 201


def test_entities_are_found_by_exact_fields(mock):
    mock.entity("20123456", externalId="ours")
    for query, found in (
        ({"taxId": "20.123.456"}, 1),
        ({"taxId": "20123456"}, 0),
        ({"externalId": "ours", "type": "person", "country": "AR"}, 1),
        ({"country": "BR"}, 0),
    ):
        assert len(mock.get("/api/entities", **query).json["entities"]) == found, query


def test_unknown_entity_is_not_found(mock):
    for path in ("/nobody", "/by-external-id/nobody", "/by-tax-id/1"):
        answer = mock.get("/api/entities" + path)
        assert (answer.status_code, answer.json["error"]) == (404, "ENTITY_NOT_FOUND"), path


def test_calls_without_the_key_are_refused(mock):
    for path in ("/entities", "/api/entities/x", "/api/kyc/validations"):
        for header in ({}, {"Authorization": "Bearer wrong"}):
            answer = mock.client.get(path, headers=header)
            assert (answer.status_code, set(answer.json)) == (401, {"error", "message"}), (path, header)


def patched(mock, entity, **body):
    return mock.call("PATCH", f"/api/entities/{entity['id']}", **body)


def test_tax_id_changes_unless_another_entity_has_it(mock):
    first, second = mock.entity("20123456"), mock.entity("20123457")
    assert patched(mock, first, taxId="20123458").json["entity"]["taxId"] == "20.123.458"
    assert patched(mock, first, taxId="20123458").status_code == 200
    refused = patched(mock, second, taxId="20.123.458")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "DUPLICATE_TAX_ID")
    assert mock.get("/api/entities", taxId="20.123.458").json["entities"][0]["id"] == first["id"]
    assert mock.post("/api/entities", type="person", name="Eva", taxId="20123456", countryCode="AR").status_code == 201


def test_change_of_the_tax_id_can_be_refused_or_ignored():
    for number_change, status in (("refused", 400), ("ignored", 200)):
        mock = MockClient(number_change=number_change)
        entity = mock.entity("20123456")
        assert patched(mock, entity, taxId="20123457").status_code == status
        assert mock.get(f"/api/entities/{entity['id']}").json["taxId"] == "20.123.456"
