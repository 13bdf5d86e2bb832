"""The document itself: whole, and of the models that check the requests."""

import re
from dataclasses import fields

import pytest
from jsonschema_rs import Draft202012Validator

from portal.services.summary import Summary
from tests.web.conftest import ONBOARDINGS


@pytest.fixture
def document(ask):
    answer = ask("GET", "/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.json


def schema(document, name):
    return document["components"]["schemas"][name]


def references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_it_is_openapi_of_this_portal(document, config):
    assert (document["openapi"], document["servers"]) == ("3.1.0", [{"url": config.base_url}])
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{"bearer": []}]


def test_every_reference_leads_somewhere(document):
    found = {it.removeprefix("#/components/schemas/") for it in references(document)}
    assert found == set(document["components"]["schemas"])


def test_it_describes_every_address_of_the_door(document, app):
    policy = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("partner_api.")]
    named = [(rule.rule.replace("<onboarding_id>", "{id}"), rule.methods) for rule in policy]
    served = {(re.sub("<([a-z]+?)(?:_id)?>", "{\\1}", path), it.lower()) for path, methods in named for it in methods}
    methods = {"get", "post", "put", "patch", "delete", "options"}
    described = {(path, method) for path, item in document["paths"].items() for method in methods & set(item)}
    assert {it for it in served if it[1] != "head"} == described


def test_summary_has_the_fields_that_are_sent(document):
    names = [field.name for field in fields(Summary)]
    assert (list(schema(document, "Summary")["properties"]), schema(document, "Summary")["required"]) == (names, names)


def test_only_the_external_id_is_required(document):
    assert schema(document, "OnboardingRequest")["required"] == ["external_id"]
    assert schema(document, "OnboardingRequest")["additionalProperties"] is False
    assert schema(document, "Applicant")["required"] == ["country", "document_number", "first_name", "last_name"]


def fields_of(document):
    schemas = document["components"]["schemas"].items()
    return [(name, field, it) for name, found in schemas for field, it in found.get("properties", {}).items()]


def test_no_field_has_a_default_which_generators_would_make_required(document):
    assert [(name, field) for name, field, described in fields_of(document) if "default" in described] == []


def test_every_field_operation_and_word_is_explained(document):
    assert [(name, field) for name, field, it in fields_of(document) if "description" not in it] == []
    for name, found in document["components"]["schemas"].items():
        for word in found.get("enum", found.get("anyOf", [{}])[0].get("enum", [])):
            assert f"* `{word}`: " in found["description"], (name, word)
    operations = [it for path in document["paths"].values() for it in path.values() if "operationId" in it]
    tags = {it["name"] for it in document["tags"]}
    assert all(it["summary"] and it["description"] and set(it["tags"]) <= tags for it in operations)


def test_words_of_answers_are_open_and_those_of_requests_are_not(document):
    schemas = document["components"]["schemas"]
    is_open = {name: it["anyOf"][1] == {"type": "string"} for name, it in schemas.items() if "anyOf" in it}
    assert is_open == dict.fromkeys(["Status", "Stage", "Reason", "IdentityMatch", "Correction", "Decider"], True)
    assert all(schemas[name]["enum"] for name in ("Capture", "Locale"))
    listed = {it["name"]: it["schema"] for it in document["paths"][ONBOARDINGS]["get"]["parameters"]}
    assert all("enum" in listed[name] for name in ("status", "stage"))


def test_examples_are_what_their_schemas_say(document):
    checked = 0
    for content in contents(document["paths"]):
        if "example" in content:
            name = content["schema"]["$ref"].rpartition("/")[2]
            resolved = {**schema(document, name), "components": document["components"]}
            assert [str(it) for it in Draft202012Validator(resolved).iter_errors(content["example"])] == [], name
            checked += 1
    assert checked > 20


def contents(part):
    if isinstance(part, dict):
        yield from part.get("content", {}).values()
        for each in part.values():
            yield from contents(each)
    elif isinstance(part, list):
        for each in part:
            yield from contents(each)


def test_webhooks_are_described_with_what_they_carry(document):
    kinds = [it["post"]["requestBody"]["content"]["application/json"]["schema"] for it in document["webhooks"].values()]
    names = ["updated", "left_at_photos", "expiring", "lapsed", "test"]
    assert [it["properties"]["type"]["const"] for it in kinds] == [f"onboarding.{name}" for name in names]
    assert all(it["properties"]["data"]["allOf"][0] == {"$ref": "#/components/schemas/Summary"} for it in kinds)


def test_answers_may_get_further_fields_and_requests_have_none(document):
    closed = {name for name, it in document["components"]["schemas"].items() if it.get("additionalProperties") is False}
    assert closed == {"OnboardingRequest", "Applicant", "ChangeRequest", "LinkRequest", "NoFields"}


def test_every_refusal_is_a_problem(document):
    operations = [
        document["paths"][ONBOARDINGS]["post"],
        *list(document["paths"][f"{ONBOARDINGS}/{{id}}"].values())[1:],
    ]
    answers = [found for operation in operations for found in operation["responses"].items()]
    refusals = [answer for status, answer in answers if int(status) >= 400]
    assert refusals and all(list(it["content"]) == ["application/problem+json"] for it in refusals)
