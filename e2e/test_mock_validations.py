"""Validations: create, read, list, sync, cancel."""

from e2e.mock_client import CODE, VALIDATION_CREATED, VALIDATION_READ, MockClient


def test_created_validation_has_a_session(mock):
    entity = mock.entity()
    answer = mock.post("/api/kyc/validations", entityId=entity["id"], integrationCode=CODE, metadata={"a": 1})
    assert answer.status_code == 201 and set(answer.json) == VALIDATION_CREATED
    assert answer.json["providerSessionUrl"] == f"http://localhost/session/{answer.json['sessionId']}"
    assert (answer.json["status"], answer.json["isCurrent"], answer.json["metadata"]) == ("pending", True, {"a": 1})


def test_read_validation_has_the_newest_keys(mock):
    row = mock.read(mock.validation(mock.entity()))
    assert set(row) == VALIDATION_READ
    assert (row["createdAt"], row["expiresAt"]) == ("2026-03-01T12:00:00.123Z", "2026-03-08T12:00:00.123Z")


def test_public_url_leads_to_the_session():
    mock = MockClient(public_url="https://mock.example/")
    url = mock.validation(mock.entity())["providerSessionUrl"]
    assert url.startswith("https://mock.example/session/")


def test_query_decides_over_the_registry_double_check(mock):
    entity = mock.entity()
    for body, query, asked in ((True, "", True), (False, "true", True), (True, "false", False)):
        path = "/api/kyc/validations" + (f"?doubleCheckRenaper={query}" if query else "")
        row = mock.post(path, entityId=entity["id"], integrationCode=CODE, doubleCheckRenaper=body).json
        assert (row["metadata"] == {"doubleChecks": {"renaper": True}}) is asked, (body, query)


def test_validation_that_cannot_be_is_refused(mock):
    right = {"entityId": mock.entity()["id"], "integrationCode": CODE}
    company = mock.entity("30712345671", type="company")["id"]
    for body, status, code in (
        ({"entityId": "nobody"}, 404, "ENTITY_NOT_FOUND"),
        ({"entityId": company}, 400, "INVALID_ENTITY_TYPE"),
        ({"integrationCode": "other"}, 400, "KYC_NOT_CONFIGURED"),
        ({"integrationCode": ""}, 400, "VALIDATION_ERROR"),
        ({"metadata": {"a": "x" * 10240}}, 400, "VALIDATION_ERROR"),
        ({"metadata": "text"}, 400, "VALIDATION_ERROR"),
    ):
        answer = mock.post("/api/kyc/validations", **right | body)
        assert (answer.status_code, answer.json["error"]) == (status, code), body


def test_new_validation_takes_over_as_current(mock):
    entity = mock.entity()
    first, second = mock.validation(entity), mock.validation(entity)
    assert [mock.read(row)["isCurrent"] for row in (first, second)] == [False, True]
    assert mock.get(f"/api/kyc/entities/{entity['id']}/current").json["id"] == second["id"]


def test_current_is_not_found_before_or_after_a_validation(mock):
    entity = mock.entity()
    path = f"/api/kyc/entities/{entity['id']}/current"
    assert mock.get(path).status_code == 404
    mock.choose(mock.validation(entity), "expire")
    assert mock.get(path).status_code == 404


def test_entitys_validations_are_paged_newest_first(mock):
    entity = mock.entity()
    created = [mock.validation(entity)["id"] for _ in range(3)]
    page = mock.get(f"/api/kyc/entities/{entity['id']}/validations", page=2, limit=2).json
    assert set(page) == {"validations", "total", "page", "limit"}
    assert [row["id"] for row in page["validations"]] == created[:1]
    assert (page["total"], page["page"], page["limit"]) == (3, 2, 2)


def test_validations_are_filtered(mock):
    entity = mock.entity()
    mock.choose(mock.validation(entity), "approve")
    mock.validation(entity)
    for query, count in (({}, 2), ({"isCurrent": "true"}, 1), ({"status": "approved"}, 1), ({"status": "expired"}, 0)):
        rows = mock.get(f"/api/kyc/entities/{entity['id']}/validations", **query).json
        assert (len(rows["validations"]), rows["total"]) == (count, count), query
        assert len(mock.get("/api/kyc/validations", **query).json["validations"]) == count


def test_status_of_a_verified_entity(mock):
    entity = mock.entity()
    validation = mock.validation(entity)
    mock.choose(validation, "approve")
    status = mock.get(f"/api/kyc/entities/{entity['id']}/status").json
    assert status.pop("lastVerifiedAt") == "2026-03-01T12:00:00.123Z"
    assert status.pop("expiresAt") == "2027-03-01T12:00:00.123Z"
    assert set(status.pop("currentValidation")) == {"id", "status", "verifiedAt"}
    assert status == {"entityId": entity["id"], "hasKyc": True, "isVerified": True, "needsReverification": False}


def test_status_of_an_unverified_entity(mock):
    entity = mock.entity()
    status = mock.get(f"/api/kyc/entities/{entity['id']}/status").json
    assert (status["hasKyc"], status["isVerified"], status["currentValidation"]) == (False, False, None)


def test_sync_answers_with_the_row(mock):
    validation = mock.validation(mock.entity())
    answer = mock.post(f"/api/kyc/validations/{validation['id']}/sync", force=True)
    assert answer.status_code == 200
    assert answer.json == mock.read(validation)


def test_sync_without_a_provider_session_is_refused(mock):
    validation = mock.validation(mock.entity("99990001"))
    assert mock.post(f"/api/kyc/validations/{validation['id']}/sync").status_code == 400


def test_cancelled_validation_is_not_current(mock):
    answer = mock.cancel(mock.validation(mock.entity()))
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["isCurrent"]) == ("cancelled", False)


def test_cancel_needs_a_reason_and_an_open_validation(mock):
    validation = mock.validation(mock.entity())
    assert mock.cancel(validation, reason="why").json["error"] == "INVALID_REASON"
    mock.choose(validation, "approve")
    assert mock.cancel(validation).json["error"] == "INVALID_STATUS"


def test_unknown_validation_is_not_found(mock):
    for method, path in (("GET", ""), ("POST", "/sync"), ("DELETE", "/cancel")):
        answer = mock.call(method, f"/api/kyc/validations/x{path}")
        assert (answer.status_code, answer.json["error"]) == (404, "VALIDATION_NOT_FOUND"), path


def test_each_change_is_later_than_the_one_before(mock):
    validation = mock.validation(mock.entity())
    stamps = [validation["updatedAt"]]
    for outcome in ("abandon", "approve"):
        mock.choose(validation, outcome)
        stamps.append(mock.read(validation)["updatedAt"])
    assert stamps == sorted(set(stamps))
