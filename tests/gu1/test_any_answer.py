"""Whatever gu1 answers to whatever call: a sound value or an error of the tree, and nobody's number in it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Gu1Error
from portal.domain.existing_entity import ExistingEntity
from portal.domain.validation import Listing, Observation
from portal.gu1.parsing import identifier
from tests.gu1.any_json import any_bytes
from tests.gu1.clients import CALLS, Use, a_client
from tests.gu1.rows import ENTITY_ID, a_person, a_rejected_row, a_row, a_status, a_warning, renaper
from tests.hypothesis_profiles import many

_NUMBER = "30111222"
_VERIFIED = a_row(
    status="approved",
    metadata=renaper(verified=True, matchResult="match") | {"portal": {"nonce": "n"}, "warnings": ["A"]},
    extractedData={"documentType": "DNI", "documentNumber": _NUMBER, "firstName": "Ana"},
    decision={"liveness": {"warnings": [a_warning("X")]}, "liveness_checks": [{"warnings": [a_warning("X")]}]},
)
_BODIES = (
    a_row(),
    _VERIFIED,
    a_rejected_row(warnings=["DOCUMENT_EXPIRED", a_warning("X")], metadata=renaper(errorCode="RENAPER_DNI_MISSING")),
    {"validation": a_row()},
    {"validations": [_VERIFIED, a_row(id="v2")], "total": 2, "page": 1, "limit": 25},
    {"data": [a_row()], "pagination": {"limit": 25, "offset": 0, "total": 1, "hasMore": False}},
    {"success": True, "entity": a_person()},
    {"entities": [a_person(), a_person(id="e2", taxId=30111222)]},
    a_person(),
    a_status(),
    {"error": "DUPLICATE_TAX_ID", "message": _NUMBER, "details": {"existingEntityId": ENTITY_ID}},
    {"error": {"code": "DUPLICATE_TAX_ID", "message": _NUMBER, "details": {"existingEntityId": ENTITY_ID}}},
    {"error": f"{_NUMBER} belongs to Ana"},
)
_STATUSES = (*[200] * 8, 201, 204, 206, 102, 301, 302, 304, 400, 401, 404, 408, 409, 422, 429, 500, 503, 599, 999)
_HEADERS = {
    "Content-Type": ["application/json", "text/html; charset=klingon", ""],
    "Content-Encoding": ["identity", "gzip", "br", "", "é"],
    "Content-Length": ["0", "-1", "many", "9" * 30],
    "Retry-After": ["7", "-7", "soon", "9" * 5000, "Mon, 02 Mar 0000 12:00:00 GMT", "Mon, 02 Mar 9999 12:00:00 -9999"],
    "Location": ["https://elsewhere.test/", "//[", "http://\x00", "é", "https://xn--/:99999"],
    "Set-Cookie": ["a=b", "=;;;=", "a=b; expires=never; max-age=x; domain=..", "é" * 100],
}
_headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in _HEADERS.items()})
_no_headers: dict[str, str] = {}
_some_headers = st.one_of(st.just(_no_headers), st.just(_no_headers), _headers)


@pytest.mark.long
@many
@given(st.sampled_from(_STATUSES), _some_headers, any_bytes(*_BODIES))
def test_any_answer_is_a_sound_value_or_error(status: int, headers: dict[str, str], content: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(content))

    async def run() -> list[Any]:
        return [await _outcome(httpx.MockTransport(answer), use) for use in CALLS.values()]

    for outcome in asyncio.run(run()):
        assert _is_sound(outcome)
        assert 200 <= status < 300 or isinstance(outcome, Gu1Error) or (outcome is None and status == 404)


async def _outcome(transport: httpx.AsyncBaseTransport, use: Use) -> Any:
    client = a_client(transport=transport)
    try:
        return await use(client)
    except Gu1Error as error:
        return error
    finally:
        await client.aclose()


def _is_sound(outcome: Any) -> bool:
    if isinstance(outcome, Gu1Error):
        return _NUMBER not in str(outcome)
    if isinstance(outcome, Listing):
        return all(_is_sound(it) for it in outcome.rows)
    if isinstance(outcome, Observation):
        ids = (outcome.gu1_id, outcome.entity_id, outcome.session_id, outcome.nonce)
        return all(_is_sound(it) for it in ids) and _is_storable(outcome)
    if isinstance(outcome, EntityStatus):
        return _is_sound(outcome.validation_id) and isinstance(outcome.is_verified, bool)
    if isinstance(outcome, ExistingEntity):
        texts = (outcome.country or "", outcome.number or "", outcome.first_name, outcome.last_name)
        return all(text.isprintable() for text in texts)
    return outcome is None or identifier(outcome) == outcome


def _is_storable(seen: Observation) -> bool:
    texts = [text for text in (seen.session_url, seen.document_number) if text is not None]
    times = [time for time in (seen.created_at, seen.updated_at, seen.expires_at, seen.verified_at) if time]
    return all(text.isprintable() for text in texts) and all(_is_plain(time) for time in times)


def _is_plain(time: datetime) -> bool:
    return time.tzinfo is UTC and 1971 <= time.year < 9999
