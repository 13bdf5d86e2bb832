"""The partner API as OpenAPI 3.1, made from the models that validate the requests."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from portal.web.partner_api.api_models import (
    SUMMARY,
    ChangeRequest,
    Changes,
    Conflict,
    Link,
    LinkRequest,
    ListQuery,
    NoFields,
    Notification,
    OnboardingList,
    OnboardingRequest,
    Problem,
    ProblemKind,
    Receipt,
    Refusal,
    Started,
    TestedBackend,
)
from portal.web.partner_api.examples import EXAMPLES, example_problem
from portal.web.partner_api.explanations import CLOSED, FIELDS, NOTIFICATIONS, OPEN, OPERATIONS, TAGS, WORDS

IDEMPOTENCY_KEY = r"[!-~]([ -~]{0,253}[!-~])?"

_Json = dict[str, Any]

_MODELS: dict[str, TypeAdapter[Any]] = {
    "Request": TypeAdapter(OnboardingRequest),
    "OnboardingList": TypeAdapter(OnboardingList),
    "ChangeRequest": TypeAdapter(ChangeRequest),
    "Notification": TypeAdapter(Notification),
    "TestedBackend": TypeAdapter(TestedBackend),
    "LinkRequest": TypeAdapter(LinkRequest),
    "NoFields": TypeAdapter(NoFields),
    "Link": TypeAdapter(Link),
    "Started": TypeAdapter(Started),
    "Summary": SUMMARY,
    "Changes": TypeAdapter(Changes),
    "Receipt": TypeAdapter(Receipt),
    "Problem": TypeAdapter(Problem),
    "Refusal": TypeAdapter(Refusal),
    "Conflict": TypeAdapter(Conflict),
    "ProblemKind": TypeAdapter(ProblemKind),
}

_REFUSED = {
    400: "The Host header, the Idempotency-Key or the JSON cannot be read",
    401: "The API key is missing, wrong or revoked",
    403: "The partner is switched off",
    404: "You have no such onboarding; one of another partner, or one that was erased, looks the same",
    409: "The state of the onboarding forbids it: `code` says which",
    413: "The body is larger than 16 KiB",
    415: "The body is not application/json",
    422: "Fields are not right, or the Idempotency-Key was used for another request",
    429: "Too many requests; wait for as many seconds as Retry-After says",
    500: "A fault of the portal's; its detail is a reference for the operator",
    503: "The portal's database does not answer; sent again, the request starts nothing twice",
}
_SENT = {"OnboardingRequest", "Applicant", "ChangeRequest", "LinkRequest", "NoFields"}
_ALWAYS = (400, 401, 403, 500, 503)


@cache
def openapi_json(base_url: str) -> str:
    return json.dumps(_document(base_url), ensure_ascii=False)


def _document(base_url: str) -> _Json:
    document = _undescribed(base_url)
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                tag, description = OPERATIONS[operation["operationId"]]
                operation |= {"tags": [tag], "description": description}
    return document


def _undescribed(base_url: str) -> _Json:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Partner API",
            "version": "1",
            "description": "For backends: an API key does not belong into a browser, and no origin is allowed by CORS. "
            "New fields and new words may come at any time, so ignore what you do not know.",
            "contact": {"name": "The portal's operator", "url": base_url},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "webhooks": {_camel(kind): {"post": _webhook(kind, when)} for kind, when in NOTIFICATIONS.items()},
        "servers": [{"url": base_url}],
        "security": [{"bearer": []}],
        "paths": {
            "/api/v1/onboardings": {"get": _list(), "post": _create()},
            "/api/v1/onboardings/{id}": {"parameters": [_id()], "get": _read(), "patch": _change(), "delete": _erase()},
            "/api/v1/onboardings/{id}/events": {"parameters": [_id()], "get": _list_events()},
            "/api/v1/onboardings/{id}/cancel": {"parameters": [_id()], "post": _cancel()},
            "/api/v1/onboardings/{id}/link": {"parameters": [_id()], "post": _replace_link()},
            "/api/v1/onboardings/{id}/events/{event}/resend": {"parameters": [_id(), _id("event")], "post": _resend()},
            "/api/v1/test-event": {"post": _send_test()},
            "/api/v1/problems/{code}": {"get": _explain()},
            "/api/v1/openapi.json": {"get": _describe()},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "The partner's API key"}},
            "schemas": _schemas()[1]["$defs"],
        },
    }


def _camel(kind: str) -> str:
    first, *rest = kind.replace(".", "_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _webhook(kind: str, when: str) -> _Json:
    """Notifications are signed as Standard Webhooks says."""
    data = {
        "allOf": [_schema("Summary"), {"type": "object", "properties": {"sequence": {"type": "integer"}}}],
        "description": "What reading the onboarding answered at that moment, and the notification's number",
    }
    fields = {
        "type": {"type": "string", "const": kind, "description": "Ignore types that you do not know"},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened"},
        "data": data,
    }
    schema = {"type": "object", "required": list(fields), "properties": fields}
    headers = {
        "webhook-id": "Stays the same however often it is sent",
        "webhook-timestamp": "Unix seconds of this try; refuse one older than five minutes",
        "webhook-signature": "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, one for each signing secret",
    }
    return {
        "operationId": _camel(f"tell.{kind}"),
        "summary": f"Your backend is told `{kind}`",
        "description": f"{when} Answer any 2xx within 15 seconds. It may come twice and in any order.",
        "tags": ["Notifications"],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "You have it"},
            "410": {"description": "You want no more tries of this one"},
        },
    }


_SAME = "sent again with the same body it has the same answer, byte for byte, and nothing is done twice"
_NOT_NEEDED = "taken but not needed, because the same request twice changes what one does"


def _create() -> _Json:
    return {
        "operationId": "createOnboarding",
        "summary": "Start a customer's onboarding, or get the one that is open",
        "parameters": [_idempotency_key(f"{_SAME}, but for a link that was replaced since")],
        "requestBody": _sent("Request", required=True),
        "responses": {
            "201": _answer("A new onboarding", "Started") | {"links": _links()},
            "200": _answer("The one that this customer has open", "Started") | {"links": _links()},
            **_refused(409, 413, 415, 422),
        },
    }


def _list() -> _Json:
    query = TypeAdapter(ListQuery).json_schema()
    return {
        "operationId": "listOnboardings",
        "summary": "Your onboardings, the newest first",
        "parameters": [
            {"name": name, "in": "query", "schema": _of_query(schema, query["$defs"])}
            for name, schema in query["properties"].items()
        ],
        "responses": {"200": _answer("A page of the list", "OnboardingList"), **_refused(422)},
    }


def _of_query(schema: _Json, words: _Json) -> Any:
    """What a parameter may be where it is given: it can be left out, but not be null or a word that is not known."""
    found = next((it for it in schema.get("anyOf", []) if it != {"type": "null"}), schema)
    return words[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _change() -> _Json:
    return {
        "operationId": "changeOnboarding",
        "summary": "Change what you gave with an onboarding, while it is open",
        "parameters": [_idempotency_key(_NOT_NEEDED)],
        "requestBody": _sent("ChangeRequest", required=True),
        "responses": {
            "200": _answer("The onboarding, changed", "Summary"),
            **_refused(404, 409, 413, 415, 422, conflict="Problem"),
        },
    }


def _read() -> _Json:
    return {
        "operationId": "readOnboarding",
        "summary": "Where a customer's onboarding stands",
        "responses": {"200": _answer("The truth, whatever came back with the customer", "Summary"), **_refused(404)},
    }


def _list_events() -> _Json:
    return {
        "operationId": "listEvents",
        "summary": "What changed an onboarding's status and stage, and when",
        "responses": {"200": _answer("The newest 500 changes, oldest first", "Changes"), **_refused(404)},
    }


def _cancel() -> _Json:
    return {
        "operationId": "cancelOnboarding",
        "summary": "Cancel an open onboarding, here at once and then at gu1; may be repeated",
        "parameters": [_idempotency_key(_NOT_NEEDED)],
        "requestBody": _sent("NoFields", required=False),
        "responses": {
            "200": _answer("The cancelled onboarding", "Summary"),
            **_refused(404, 409, 413, 415, 422, conflict="Problem"),
        },
    }


def _replace_link() -> _Json:
    return {
        "operationId": "replaceLink",
        "summary": "Make a new access link; the one before it is dead at once",
        "parameters": [_idempotency_key()],
        "requestBody": _sent("LinkRequest", required=False),
        "responses": {
            "200": _answer("The new link", "Link"),
            **_refused(404, 409, 413, 415, 422, conflict="Problem"),
        },
    }


def _resend() -> _Json:
    return {
        "operationId": "resendEvent",
        "summary": "Send a notification again, with as many tries as a new one",
        "parameters": [_idempotency_key("repeated, the notification is sent again only once")],
        "requestBody": _sent("NoFields", required=False),
        "responses": {
            "202": _answer("It is on its way", "Notification"),
            **_refused(404, 413, 415, 422),
        },
    }


def _send_test() -> _Json:
    return {
        "operationId": "sendTestEvent",
        "summary": "Send your backend a notification of the type `onboarding.test` now",
        "parameters": [_idempotency_key("repeated, the test has the same `webhook-id`")],
        "requestBody": _sent("NoFields", required=False),
        "responses": {
            "200": _answer("What your backend answered", "TestedBackend"),
            **_refused(409, 413, 415, 422, 429, conflict="Problem"),
        },
    }


def _erase() -> _Json:
    return {
        "operationId": "eraseOnboarding",
        "summary": "Erase the person's data and cancel what is open; may be repeated",
        "responses": {"200": _answer("A receipt, the same each time", "Receipt"), **_refused(404)},
    }


def _explain() -> _Json:
    return {
        "operationId": "explainProblem",
        "summary": "What the `type` of a problem leads to",
        "security": [],
        "parameters": [{"name": "code", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": _answer("What the code means", "ProblemKind"),
            **{str(status): _problem(status) for status in (400, 404, 500)},
        },
    }


def _describe() -> _Json:
    answer = {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
    answers = {"200": answer, **{str(status): _problem(status) for status in (400, 500)}}
    return {"operationId": "describe", "summary": "This document", "security": [], "responses": answers}


def _links() -> _Json:
    parameters = {"id": "$response.body#/id"}
    names = ("readOnboarding", "listEvents", "eraseOnboarding")
    return {name: {"operationId": name, "parameters": parameters} for name in names}


def _idempotency_key(repeated: str = _SAME) -> _Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "description": f"Any text, new for each wish: {repeated}",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{IDEMPOTENCY_KEY}$"},
    }


def _id(name: str = "id") -> _Json:
    pattern = "^[A-Za-z0-9_-]{1,64}$"
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}


def _sent(model: str, *, required: bool) -> _Json:
    content = {"schema": _schema(model)} | ({"example": EXAMPLES[model]} if model in EXAMPLES else {})
    return {"required": required, "content": {"application/json": content}}


def _answer(description: str, model: str) -> _Json:
    content = {"schema": _schema(model)} | ({"example": EXAMPLES[model]} if model in EXAMPLES else {})
    return {"description": description, "content": {"application/json": content}}


def _refused(*statuses: int, conflict: str = "Conflict") -> _Json:
    return {str(status): _problem(status, conflict) for status in sorted({*_ALWAYS, *statuses})}


def _problem(status: int, conflict: str = "Conflict") -> _Json:
    model = {409: conflict, 422: "Refusal"}.get(status, "Problem")
    answer: _Json = {
        "description": _REFUSED[status],
        "content": {"application/problem+json": {"schema": _schema(model), "example": example_problem(status, model)}},
    }
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    if status in {429, 503}:
        answer["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    if status == 429:
        answer["headers"] |= {
            name: {"description": f"As the IETF drafts it, for example `{example}`", "schema": {"type": "string"}}
            for name, example in (("RateLimit-Policy", '"starts";q=500;w=86400'), ("RateLimit", '"starts";r=0;t=3600'))
        }
    return answer


def _schema(model: str) -> Any:
    return _schemas()[0][model, _mode(model)]


@cache
def _schemas() -> tuple[Any, _Json]:
    """The reference of each model, and the document with all schemas."""
    models = [(name, _mode(name), adapter) for name, adapter in _MODELS.items()]
    references, document = TypeAdapter.json_schemas(models, ref_template="#/components/schemas/{model}")
    for name, schema in document["$defs"].items():
        _explain_schema(name, schema)
    return references, document


def _explain_schema(name: str, schema: _Json) -> None:
    for field, described in schema.get("properties", {}).items():
        described.pop("default", None)  # generators make a field with a default required
        if text := FIELDS.get(name, {}).get(field):
            described.setdefault("description", text)
    if name not in _SENT:
        schema.pop("additionalProperties", None)  # further fields may come
    if words := WORDS.get(name):
        listed = "\n".join(f"* `{word}`: {meaning}" for word, meaning in words.items())
        schema["description"] = listed if name in CLOSED else f"{listed}\n\n{OPEN}"
        if name not in CLOSED:
            # A generated client would refuse a whole answer with a word that its enumeration does not have.
            known = {"title": f"Known{name}", "type": schema.pop("type"), "enum": schema.pop("enum")}
            schema["anyOf"] = [known, {"type": "string"}]


def _mode(model: str) -> Any:
    return "validation" if model in {"Request", "ChangeRequest", "LinkRequest", "NoFields"} else "serialization"
