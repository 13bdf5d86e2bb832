"""What the partners' door refuses, and how it says so to their developers."""

import json
from dataclasses import replace

import pytest

from portal.app import create_app
from portal.domain.onboarding import EntityConflict, StallReason
from portal.web.problem_details import KINDS
from tests.partners import KEYS, RETURN_URL, partners_file
from tests.web.conftest import HOME, ONBOARDINGS, is_problem
from tests.web.test_partner_api import APPLICANT


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


def faulty_fields(answer):
    assert is_problem(answer, 422)
    return [fault["field"] for fault in answer.json["errors"]]


@pytest.mark.parametrize("key", ["", " ", "a ", "k" * 256, "ñ", "a\tb", "\x7f"])
def test_keys_of_another_kind_are_refused(api, key, count):
    answer = api("POST", ONBOARDINGS, {"external_id": "x"}, headers={"Idempotency-Key": key})
    assert is_problem(answer, 400)
    assert count() == 0


DOORS = [
    ("POST", ONBOARDINGS),
    ("GET", f"{ONBOARDINGS}/x"),
    ("DELETE", f"{ONBOARDINGS}/x"),
    ("HEAD", f"{ONBOARDINGS}/x"),
]


@pytest.mark.parametrize(("method", "path"), DOORS[:3])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer kyc_x", "Bearer a=b", "Bearer ñ", f"Basic {KEYS['shop']}", KEYS["shop"]],
)
def test_without_a_known_key_nothing_opens(ask, method, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = ask(method, path, headers=headers)
    assert is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.asvs("3.5.2", "14.2.1")
def test_a_key_in_a_cookie_or_query_opens_nothing(ask):
    key = KEYS["shop"]
    cookie = ask("GET", f"{ONBOARDINGS}/x", headers={"Cookie": f"Authorization={key}; session={key}"})
    query = ask("GET", f"{ONBOARDINGS}/x?access_token={key}&key={key}")
    assert is_problem(cookie, 401) and is_problem(query, 401)


@pytest.mark.asvs("7.4.2")
@pytest.mark.parametrize(("method", "path"), DOORS[:3])
def test_a_partner_that_is_off_is_told_so(api, method, path):
    answer = api(method, path, key=KEYS["gone"])
    assert is_problem(answer, 403)
    assert "switched off" in answer.json["detail"]


@pytest.mark.asvs("7.4.2")
def test_a_revoked_key_opens_nothing(create, config, tmp_path, clock, gu1):
    create()
    path = tmp_path / "partners.toml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "api_keys" not in line))
    client = create_app(config, clock=clock, gu1=gu1).test_client()
    answer = client.get(f"{HOME}{ONBOARDINGS}/x", headers={"Authorization": f"Bearer {KEYS['shop']}"})
    assert is_problem(answer, 401)


REFUSED = [
    ({}, ["external_id"]),
    ({"external_id": ""}, ["external_id"]),
    ({"external_id": "x" * 129}, ["external_id"]),
    ({"external_id": " x"}, ["external_id"]),
    ({"external_id": "a\0b"}, ["external_id"]),
    ({"external_id": "a\u2028b"}, ["external_id"]),
    ({"external_id": 7}, ["external_id"]),
    ({"external_id": None}, ["external_id"]),
    ({"external_id": "x", "extra": 1}, ["extra"]),
    ({"external_id": "x", "state": "s" * 513}, ["state"]),
    ({"external_id": "x", "state": "a\0b"}, ["state"]),
    ({"external_id": "x", "locale": "de"}, ["locale"]),
    ({"external_id": "x", "capture": "popup"}, ["capture"]),
    ({"external_id": "x", "applicant": {}}, [f"applicant.{name}" for name in list(APPLICANT)[:4]]),
    ({"external_id": "x", "applicant": "Ana"}, ["applicant"]),
    ({"external_id": "x", "state": 1, "locale": "xx"}, ["state", "locale"]),
    ([], ["body"]),
    ("text", ["body"]),
    (None, ["body"]),
]


@pytest.mark.asvs("2.2.1", "15.3.3")
@pytest.mark.parametrize(("body", "fields"), REFUSED, ids=lambda it: str(it)[:50])
def test_each_wrong_field_is_named(api, body, fields, count):
    answer = api("POST", ONBOARDINGS, data=json.dumps(body), content_type="application/json")
    assert faulty_fields(answer) == fields
    assert count() == 0


SENTENCES = {
    "external_id": {None: "Must be a string", "": "Must not be empty", "x" * 129: "Must have at most 128 characters"},
    "locale": dict.fromkeys(("de", 7), "Must be one of 'es-AR', 'es', 'pt-BR' or 'en'"),
    "state": {"a\0b": "Must match the pattern ^[^\\x00]*$"},
    "reverify": {"yes": "Must be true or false"},
    "applicant": {"Ana": "Must be an object"},
    "extra": {1: "There is no such field"},
}


@pytest.mark.parametrize(("field", "cases"), SENTENCES.items())
def test_what_is_wrong_is_said_in_our_own_sentences(create, field, cases):
    for value, said in cases.items():
        answer = create(**{"external_id": "x", field: value})
        assert answer.json["errors"] == [{"field": field, "message": said}]
        assert answer.json["code"] == "invalid_fields"


def test_missing_field_is_said_to_be_required(api):
    assert api("POST", ONBOARDINGS, {}).json["errors"] == [{"field": "external_id", "message": "Is required"}]


@pytest.mark.parametrize("code", KINDS)
def test_type_of_a_problem_leads_to_what_it_means(ask, code):
    answer = ask("GET", f"/api/v1/problems/{code}")
    assert (answer.status_code, answer.json["code"], answer.json["status"]) == (200, code, KINDS[code].status)
    assert answer.json["type"] == f"{HOME}/api/v1/problems/{code}" and answer.json["meaning"]


def test_what_is_no_code_is_not_found(ask):
    assert is_problem(ask("GET", "/api/v1/problems/nothing"), 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country", "XX"),
        ("country", "ar"),
        ("country", "EU"),
        ("country", "ARG"),
        ("document_number", "123"),
        ("document_number", "20-30123456-0"),
        ("document_number", "9" * 41),
        ("document_number", 30123456),
        ("first_name", ""),
        ("first_name", "R2D2"),
        ("first_name", "x" * 81),
        ("last_name", "-"),
        ("last_name", "a\0b"),
        ("email", "nobody"),
        ("email", ""),
        ("email", "a" * 250 + "@example.com"),
        ("phone", "1"),
    ],
)
def test_each_wrong_detail_is_named(create, field, value):
    answer = create(applicant=APPLICANT | {field: value})
    assert faulty_fields(answer) == [f"applicant.{field}"]
    assert not any(str(given) in answer.text for given in APPLICANT.values() if len(given) > 2)


@pytest.mark.asvs("2.2.3")
@pytest.mark.parametrize("name", list(APPLICANT)[:4])
def test_half_an_applicant_is_refused(create, name):
    half = {key: value for key, value in APPLICANT.items() if key != name}
    assert faulty_fields(create(applicant=half)) == [f"applicant.{name}"]


def test_dni_of_two_people_is_refused_and_the_cuil_is_taken(create, store):
    shared = APPLICANT | {"document_number": "7.654.321"}
    with store.locked(create(applicant=shared).json["id"]) as row:
        asked = {"stall_reason": StallReason.DETAILS_REFUSED, "entity_conflict": EntityConflict.CUIL_NEEDED}
        row.save(replace(row.onboarding, **asked))
    answer = create(applicant=shared)
    assert faulty_fields(answer) == ["applicant.document_number"]
    assert "CUIL" in answer.json["errors"][0]["message"]
    assert create(applicant=shared | {"document_number": "20-7654321-7"}).status_code == 200


def test_a_refusal_speaks_english_to_any_backend(api):
    body = {"external_id": "x", "applicant": APPLICANT | {"document_number": "123"}}
    answers = [
        api("POST", path, body, headers={"Accept-Language": "es"}) for path in (ONBOARDINGS, ONBOARDINGS + "?lang=es")
    ]
    assert all("This number is too short" in answer.json["errors"][0]["message"] for answer in answers)


@pytest.mark.asvs("3.7.2")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/done",
        "https://shop.example/",
        "https://shop.example.evil.example/done",
        "https://shop.example@evil.example/done",
        "https://shop.example/done#x",
        "https://shop.example/done?status=approved",
        "https://shop.example/do\nne",
        "https://shop.example/done?\r\nSet-Cookie: x=1",
        "https://shop.example\\@evil.example/done",
        "javascript:alert(1)",
        "//shop.example/done",
        "https://shop.example/done?" + "x" * 2048,
        "",
    ],
)
def test_only_registered_return_urls_are_taken(create, url):
    answer = create(return_url=url)
    assert faulty_fields(answer) == ["return_url"]


@pytest.mark.asvs("8.4.1")
def test_another_partners_return_url_is_refused(create):
    answer = create(key=KEYS["bank"], return_url=RETURN_URL)
    assert faulty_fields(answer) == ["return_url"]
    assert "not among the partner's registered return URLs" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'external_id': 'x'}", b"\xff\xfe", b"[" * 5000, b'{"external_id": "\\ud800"}', b"external_id=x"],
)
def test_what_is_no_json_is_refused(api, body):
    assert is_problem(api("POST", ONBOARDINGS, data=body, content_type="application/json"), 400)


@pytest.mark.asvs("3.5.2")
@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_other_kinds_of_content_are_refused(api, content_type):
    answer = api("POST", ONBOARDINGS, data=b'{"external_id": "x"}', content_type=content_type)
    assert is_problem(answer, 415)


def test_json_may_name_its_charset(api):
    sent = {"data": b'{"external_id": "x"}', "content_type": "application/json; charset=utf-8"}
    assert api("POST", ONBOARDINGS, **sent).status_code == 201


LENGTHS = [(16 * 1024, 201), (16 * 1024 + 1, 413), (16 * 1024 + 2, 413), (1024 * 1024, 413)]
CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}


@pytest.mark.parametrize("overrides", [{}, CHUNKED], ids=["whole", "chunked"])
@pytest.mark.parametrize(("length", "status"), LENGTHS)
def test_bodies_have_a_limit(api, length, status, overrides):
    sent = {"data": b'{"external_id": "x"}'.ljust(length), "content_type": "application/json"}
    answer = api("POST", ONBOARDINGS, **sent, environ_overrides=overrides)
    assert answer.status_code == status
    assert status == 201 or is_problem(answer, 413)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", ONBOARDINGS, "GET, HEAD, POST"),
        ("PUT", ONBOARDINGS, "GET, HEAD, POST"),
        ("OPTIONS", ONBOARDINGS, "GET, HEAD, POST"),
        ("POST", f"{ONBOARDINGS}/x", "DELETE, GET, HEAD, PATCH"),
        ("PUT", f"{ONBOARDINGS}/x", "DELETE, GET, HEAD, PATCH"),
        ("OPTIONS", f"{ONBOARDINGS}/x", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/api/v1/openapi.json", "GET, HEAD"),
    ],
)
def test_other_methods_are_refused_with_the_allowed(api, method, path, allowed):
    answer = api(method, path, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert is_problem(answer, 405)
    assert answer.headers["Allow"] == allowed


def test_a_wrong_host_or_path_is_a_problem_too(ask):
    assert is_problem(ask("GET", "/api/v1/nothing"), 404)
    assert is_problem(ask("GET", f"{ONBOARDINGS}/x", headers={"Host": "evil.example"}), 400)
