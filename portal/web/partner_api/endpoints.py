"""The partner API: backends create, read and erase their customers' onboardings."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response, abort, request, url_for
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from portal.domain.errors import (
    AnotherApplicant,
    ApplicantLocked,
    CuilNeeded,
    KeyReused,
    LimitReached,
    OnboardingOver,
    ReservedExternalId,
    UnknownEvent,
    UnknownOnboarding,
)
from portal.domain.onboarding import Onboarding
from portal.partners.registry import Partner
from portal.services.backend_test import TestUnderWay
from portal.services.change_history import HistoryEntry
from portal.services.notification import TEST, Event
from portal.services.partner_onboardings import CreateResult
from portal.services.summary import Summary, summary_of
from portal.web.context import portal
from portal.web.partner_api.api_models import (
    SUMMARY,
    Change,
    ChangeRequest,
    Changes,
    KeptAtGu1,
    Link,
    LinkRequest,
    ListQuery,
    NoFields,
    Notification,
    OnboardingList,
    OnboardingRequest,
    ProblemKind,
    Receipt,
    Started,
    TestedBackend,
    refuse_personal_texts,
)
from portal.web.partner_api.create_request import create_request
from portal.web.partner_api.cursors import cursor_of
from portal.web.partner_api.field_errors import sentence
from portal.web.partner_api.openapi import IDEMPOTENCY_KEY, openapi_json
from portal.web.problem_details import KINDS, problem, type_of
from portal.web.refusals import Refusal
from portal.web.security import FORM_BYTES

partner_api = Blueprint("partner_api", __name__, url_prefix="/api/v1")

Asked = TypeVar("Asked", bound=BaseModel)
_UNKNOWN_KEY = (
    "This API key is not known. If the partners file was reloaded a moment ago, try again in a few seconds: requests "
    "that were under way end with the old one"
)
_FIELDS = "Some fields are not right"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# No CORS preflight: browsers must not call this API.
_BACKENDS_ONLY = {"provide_automatic_options": False}


@partner_api.post("/onboardings", **_BACKENDS_ONLY)
def create() -> Response:
    partner, key = _partner(), _idempotency_key()
    asked = _body(partner, OnboardingRequest)
    default_locale = portal().config.default_locale
    try:
        requested = create_request(portal().partners, partner, asked, default_locale=default_locale)
        invited = portal().partner_onboardings.create(requested, key=key, starts_per_day=partner.starts_per_day)
    except ReservedExternalId:
        fault = {"field": "external_id", "message": "Begins like another partner's customers"}
        abort(problem("invalid_fields", _FIELDS, errors=[fault]))
    except AnotherApplicant as error:
        abort(_another_applicant(error))
    except CuilNeeded:
        fault = {"field": "applicant.document_number", "message": "Two people have this DNI; send the 11-digit CUIL"}
        abort(problem("invalid_fields", _FIELDS, errors=[fault]))
    except LimitReached as limit:
        abort(_too_many_starts(limit))
    except KeyReused:
        abort(_key_reused())
    return _json(_started(invited).model_dump_json(), 201 if invited.is_new else 200)


@partner_api.get("/onboardings", **_BACKENDS_ONLY)
def list_onboardings() -> Response:
    partner = _partner()
    try:
        query = ListQuery.model_validate(request.args.to_dict())
    except ValidationError as error:
        abort(_refusal(error))
    page = portal().partner_onboardings.list_page(partner.slug, query.wanted)
    following = cursor_of(page.next) if page.next else None
    listed = OnboardingList(onboardings=[_summary(found) for found in page.onboardings], next=following)
    return _json(listed.model_dump_json())


@partner_api.patch("/onboardings/<onboarding_id>", **_BACKENDS_ONLY)
def change(onboarding_id: str) -> Response:
    partner, _ = _partner(), _idempotency_key()  # the same change twice is one
    asked = _body(partner, ChangeRequest)
    changes = asked.model_dump(include=asked.model_fields_set)
    if changes.get("return_url"):
        changes["return_url"] = partner.return_url(changes["return_url"])

    def changed(found: Onboarding) -> Onboarding:
        refuse_personal_texts(asked.state, asked.metadata, found.details if found.given_by_partner else None)
        return replace(found, **changes)

    try:
        found = portal().partner_changes.change(partner.slug, _known_form(onboarding_id), changed)
    except OnboardingOver:
        abort(problem("onboarding_over", "This onboarding is over, so nothing of it can be changed"))
    except PydanticCustomError as error:
        fault = {"field": (error.context or {})["field"], "message": error.message()}
        abort(problem("invalid_fields", _FIELDS, errors=[fault]))
    return _json(SUMMARY.dump_json(_summary(found)))


@partner_api.get("/onboardings/<onboarding_id>", **_BACKENDS_ONLY)
def read(onboarding_id: str) -> Response:
    found = portal().partner_onboardings.find(_partner().slug, _known_form(onboarding_id))
    return _json(SUMMARY.dump_json(_summary(found)))


@partner_api.get("/onboardings/<onboarding_id>/events", **_BACKENDS_ONLY)
def list_events(onboarding_id: str) -> Response:
    found = portal().partner_onboardings.history(_partner().slug, _known_form(onboarding_id))
    sent = portal().partner_changes.notifications(onboarding_id)
    changes = Changes(events=[_change(entry) for entry in found], notifications=[_notification(it) for it in sent])
    return _json(changes.model_dump_json())


@partner_api.post("/onboardings/<onboarding_id>/events/<event_id>/resend", **_BACKENDS_ONLY)
def resend(onboarding_id: str, event_id: str) -> Response:
    partner, key = _partner(), _idempotency_key()
    _optional_body(NoFields)
    changes, event_id = portal().partner_changes, _known_form(event_id)
    try:
        event = changes.resend(partner.slug, _known_form(onboarding_id), event_id, key=key)
    except UnknownEvent:
        abort(404)
    except KeyReused:
        abort(_key_reused())
    return _json(_notification(event).model_dump_json(), 202)


@partner_api.post("/test-event", **_BACKENDS_ONLY)
def send_test_event() -> Response:
    partner, key = _partner(), _idempotency_key()
    _optional_body(NoFields)
    if partner.notify_url is None:
        abort(problem("not_notified", "You have no notify_url; the portal's operator can set one"))
    try:
        result = portal().backend_test.run(partner.slug, key=key)
    except TestUnderWay:
        busy = problem("too_many_requests", "Another test is being sent; try again in a few seconds")
        busy.headers["Retry-After"] = "5"
        abort(busy)
    sent = result.delivery
    tested = TestedBackend(id=result.event_id, type=TEST, delivered=sent.is_success, outcome=sent.outcome)
    return _json(tested.model_dump_json())


@partner_api.delete("/onboardings/<onboarding_id>", **_BACKENDS_ONLY)
def erase(onboarding_id: str) -> Response:
    erasure = portal().partner_onboardings.erase(_partner().slug, _known_form(onboarding_id))
    kept = KeptAtGu1(entity_id=erasure.entity_id, validation_id=erasure.validation_id)
    return _json(Receipt(id=erasure.onboarding_id, erased_at=erasure.erased_at, kept_at_gu1=kept).model_dump_json())


@partner_api.post("/onboardings/<onboarding_id>/cancel", **_BACKENDS_ONLY)
def cancel(onboarding_id: str) -> Response:
    partner, _ = _partner(), _idempotency_key()  # a cancellation is the same however often it is asked for
    _optional_body(NoFields)
    try:
        found = portal().partner_changes.cancel(partner.slug, _known_form(onboarding_id))
    except OnboardingOver:
        abort(problem("onboarding_over", "This onboarding is over, so there is nothing to cancel"))
    return _json(SUMMARY.dump_json(_summary(found)))


@partner_api.post("/onboardings/<onboarding_id>/link", **_BACKENDS_ONLY)
def replace_link(onboarding_id: str) -> Response:
    partner, key = _partner(), _idempotency_key()
    asked = _optional_body(LinkRequest)
    ttl = None if asked.ttl_seconds is None else timedelta(seconds=asked.ttl_seconds)
    try:
        found = portal().partner_changes.new_link(partner.slug, _known_form(onboarding_id), ttl=ttl, key=key)
    except OnboardingOver:
        abort(problem("onboarding_over", "This onboarding's time is over; start a new one"))
    except KeyReused:
        abort(_key_reused())
    return _json(Link(id=found.id, url=_access_link(found), expires_at=found.link_ends_at).model_dump_json())


@partner_api.get("/problems/<code>", **_BACKENDS_ONLY)
def explain(code: str) -> Response:
    """What the `type` of a problem leads to."""
    kind = KINDS.get(code) or abort(404)
    about = ProblemKind(
        type=type_of(code), code=code, status=kind.status, title=HTTPStatus(kind.status).phrase, meaning=kind.meaning
    )
    return _json(about.model_dump_json())


@partner_api.get("/openapi.json", **_BACKENDS_ONLY)
def openapi() -> Response:
    return _json(openapi_json(portal().config.base_url))


def _partner() -> Partner:
    given = request.authorization
    key = given.token if given and given.type == "bearer" else None
    partner = portal().partners.by_key(key) if key else None
    if partner is None:
        portal().refusals.count(Refusal.WRONG_KEY)
        detail = _UNKNOWN_KEY if key else "Send your API key as Authorization: Bearer KEY"
        refused = problem("invalid_credentials", detail)
        refused.headers["WWW-Authenticate"] = 'Bearer realm="partners"' + (', error="invalid_token"' if key else "")
        abort(refused)
    if not partner.enabled:
        abort(
            problem(
                "partner_disabled",
                "This partner is switched off; the portal's operator can switch it on",
            )
        )
    return partner


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(IDEMPOTENCY_KEY, key):
        abort(problem("invalid_idempotency_key", "An Idempotency-Key is 1 to 255 printable ASCII characters"))
    return key


def _body(partner: Partner, model: type[Asked]) -> Asked:
    if request.mimetype != "application/json":
        abort(problem("unsupported_media_type", "Send Content-Type: application/json"))
    try:
        return model.model_validate_json(_bytes(), context=partner.return_url)
    except ValidationError as error:
        abort(_refusal(error))


def _optional_body(model: type[Asked]) -> Asked:
    sent = _bytes()
    if sent and request.mimetype != "application/json":
        abort(problem("unsupported_media_type", "Send Content-Type: application/json"))
    try:
        return model.model_validate_json(sent or b"{}")
    except ValidationError as error:
        abort(_refusal(error))


def _bytes() -> bytes:
    """Reads one byte more than allowed, because Werkzeug silently truncates a body without Content-Length."""
    request.max_content_length = FORM_BYTES + 1
    body = request.get_data()
    if len(body) > FORM_BYTES:
        abort(413)
    return body


def _refusal(error: ValidationError) -> Response:
    faults = error.errors(include_url=False, include_input=False)
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem("invalid_json", "This body is not JSON")
    named = [{"field": _field(fault), "message": sentence(fault)} for fault in faults]
    return problem("invalid_fields", _FIELDS, errors=named)


def _field(fault: ErrorDetails) -> str:
    return str(fault.get("ctx", {}).get("field") or ".".join(map(str, fault["loc"])) or "body")


def _another_applicant(error: AnotherApplicant) -> Response:
    if isinstance(error, ApplicantLocked):
        detail = "Too many other document numbers were sent for this customer's open onboarding; erase it first"
        return problem("applicant_locked", detail, id=error.onboarding_id)
    detail = "This customer's open onboarding is about another document number; erase it first"
    return problem("another_applicant", detail, id=error.onboarding_id)


def _too_many_starts(limit: LimitReached) -> Response:
    """With the fields of the IETF's draft on rate limits."""
    portal().refusals.count(Refusal.TOO_MANY)
    seconds = max(1, math.ceil((limit.ends_at - portal().clock()).total_seconds()))
    refused = problem("too_many_requests", "The partner's `starts_per_day` are used up")
    refused.headers["Retry-After"] = str(seconds)
    refused.headers["RateLimit-Policy"] = (
        f'"starts";q={limit.counter.limit};w={int(limit.counter.lasts.total_seconds())}'
    )
    refused.headers["RateLimit"] = f'"starts";r=0;t={seconds}'
    return refused


def _key_reused() -> Response:
    return problem("idempotency_key_reused", "This Idempotency-Key was used for another request before")


def _summary(found: Onboarding) -> Summary:
    return summary_of(found, portal().onboardings.policy_for(found), portal().clock())


def _started(invited: CreateResult) -> Started:
    found = invited.onboarding
    return Started(
        id=found.id,
        url=_access_link(found),
        status=invited.status,
        stage=invited.stage,
        expires_at=found.link_ends_at,
    )


def _change(entry: HistoryEntry) -> Change:
    """Without the operator's name and note, which are not the partner's business."""
    return Change(
        at=entry.at,
        by=entry.actor,
        action=entry.action,
        attempt=entry.attempt,
        old_status=entry.old_status,
        old_stage=entry.old_stage,
        new_status=entry.new_status,
        new_stage=entry.new_stage,
        reason=entry.reason,
    )


def _notification(event: Event) -> Notification:
    return Notification(
        id=event.id,
        type=event.kind,
        sequence=event.sequence,
        created_at=event.created_at,
        attempts=event.attempts,
        next_try_at=event.due_at,
        delivered_at=event.delivered_at,
        outcome=event.outcome,
    )


def _access_link(found: Onboarding) -> str:
    """Without the parameters for language and device, because the caller is not the customer's browser."""
    return portal().config.base_url + url_for("applicant.onboarding", token=portal().access_links.token(found))


def _known_form(onboarding_id: str) -> str:
    if not _ID.fullmatch(onboarding_id):
        raise UnknownOnboarding(onboarding_id)
    return onboarding_id


def _json(body: str | bytes, status: int = 200) -> Response:
    return Response(body, status, mimetype="application/json")
