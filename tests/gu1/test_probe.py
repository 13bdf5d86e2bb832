"""What a few questions find out about the gu1 behind a key, and what they leave alone."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given

from portal.domain.errors import Gu1Error, Malformed, NotSent, Refused, Unavailable
from portal.gu1.probe.probe_session import MOST_REQUESTS
from portal.gu1.probe.report import Finding, probe
from portal.gu1.response import Response
from tests.gu1.any_json import any_json
from tests.gu1.clients import ask
from tests.gu1.rows import ENTITY_ID, ID, a_person, a_row, a_status, a_warning, renaper
from tests.hypothesis_profiles import many

NOBODY = "/api/entities/by-external-id/portal-check"
VALIDATIONS = "/api/kyc/validations"
ENTITY = f"/api/kyc/entities/{ENTITY_ID}"

NEWEST = a_row(
    status="approved",
    expiresAt="2025-01-22T10:30:00Z",
    metadata=renaper(verified=True) | {"portal": {"nonce": "n"}},
    decision={
        "id_verification": {"warnings": [a_warning("X")]},
        "features": ["LIVENESS"],
        "images": {"selfie": "kyc/1"},
    },
    warnings=["QR_NOT_DETECTED"],
    extractedData={"firstName": "Ana", "documentNumber": "30111222"},
)
OLDEST = a_row(
    status="rejected",
    decision={"document_details": {}, "features": ["liveness"], "images": {"selfie": "https://x"}},
    warnings=[a_warning("QR_NOT_DETECTED")],
)
OLDEST["sessionId"] = OLDEST.pop("validationSessionId")
OLDEST["validation_url"] = OLDEST.pop("providerSessionUrl")
del OLDEST["expiresAt"], OLDEST["metadata"]


class AGu1(httpx.MockTransport):
    """Answers with these bodies by path, a `Response` as it is, and 404 to the rest."""

    def __init__(self, row: Any = NEWEST, **changes: Any) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Any] = {
            "/api/entities": {"entities": [a_person()]},
            VALIDATIONS: {"validations": [row]},
            f"{VALIDATIONS}/{ID}": row,
            f"{ENTITY}/validations": {"validations": [row], "total": 1},
            f"{ENTITY}/status": a_status(),
            f"{ENTITY}/current": row,
        } | changes.pop("answers", {})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        missing = httpx.Response(404, json={"error": "ENTITY_NOT_FOUND", "message": "…"})
        answer = self.answers.get(request.url.path, missing)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def findings(gu1: httpx.AsyncBaseTransport, path: str = "/api/entities") -> tuple[Finding, ...]:
    use = lambda client: probe(client.probe, entities_path=path, sends_organization=False)  # noqa: E731
    return ask(gu1, use)  # type: ignore[no-any-return]


def found(gu1: httpx.AsyncBaseTransport, **more: Any) -> dict[str, str]:
    return {finding.what: finding.found for finding in findings(gu1, **more)}


def test_newest_generation_is_named() -> None:
    assert found(AGu1()) == {
        "key": "accepted",
        "organization header": "not sent, not asked for",
        "errors": "flat",
        "entities path": "/api/entities",
        "list of entities": "entities",
        "entities visible": "1",
        "list of validations": "validations",
        "validations visible": "1",
        "validations that the portal can read": "1 of 1",
        "rows of lists": "whole",
        "statuses": "approved 1",
        "session": "validationSessionId given",
        "hosted page": "providerSessionUrl given",
        "life of a session": "7 days",
        "expiresAt": "given",
        "metadata": "echoed with our nonce",
        "decision": "newest",
        "features": "upper case",
        "media": "keys",
        "warnings": "strings on top, objects in decision",
        "double check": "answered while approved",
        "isCurrent": "the only one",
        "current validation": "the flagged one",
        "status answer's expiresAt": "given",
        "limit": "not met",
        "refused or unanswered": "nothing",
    }


def test_oldest_generation_is_named() -> None:
    nested = httpx.Response(404, json={"error": {"code": "ENTITY_NOT_FOUND"}})
    answers = {NOBODY: nested, "/api/entities": {"data": []}, VALIDATIONS: [OLDEST], f"{ENTITY}/current": nested}
    words = found(AGu1(OLDEST, answers=answers))
    assert {words[name] for name in ("errors", "list of entities", "list of validations")} == {"nested", "data", "bare"}
    assert (words["session"], words["hosted page"]) == ("sessionId given", "validation_url given")
    assert (words["expiresAt"], words["metadata"], words["decision"]) == ("missing", "missing", "legacy")
    assert (words["features"], words["media"], words["warnings"]) == ("lower case", "links", "objects on top")
    assert words["current validation"] == "HTTP 404"


def test_empty_sandbox_says_not_seen() -> None:
    answers: dict[str, Any] = {"/api/entities": {"entities": []}, VALIDATIONS: {"validations": []}}
    gu1 = AGu1(answers=answers)
    words = found(gu1)
    assert (words["key"], words["entities visible"], words["validations visible"]) == ("accepted", "0", "0")
    assert {words[name] for name in ("statuses", "session", "expiresAt", "decision", "isCurrent")} == {"not seen"}
    assert len(gu1.requests) == 4


def test_each_contradiction_has_one_row() -> None:
    rows = [finding.row for finding in findings(AGu1()) if finding.row]
    assert sorted({*rows}) == [3, 4, 5, 6, 7, 8, 9, 12, 18, 19, 21, 22, 23, 24, 25, 26, 32]


def test_only_a_few_reads_are_sent() -> None:
    gu1 = AGu1(a_row())
    findings(gu1)
    assert len(gu1.requests) == MOST_REQUESTS
    assert {request.method for request in gu1.requests} == {"GET"}


def test_entities_at_the_other_path_are_found() -> None:
    gone = httpx.Response(404, json={"error": "NOT_FOUND"})
    words = found(AGu1(answers={NOBODY: gone, "/api/entities": gone, "/entities": []}))
    assert words["entities path"] == "/entities, not /api/entities: set GU1_ENTITIES_PATH"
    assert words["list of entities"] == "bare"


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ((True, False), "the newest"),
        ((False, True), "the newest approved"),
        ((False, False), "0 of 2"),
        ((True, True), "2 of 2"),
    ],
)
def test_current_flag_is_placed(flags: tuple[bool, bool], word: str) -> None:
    days, statuses = ("2025-01-16", "2025-01-15"), ("pending", "approved")
    rows = [
        a_row(id=day, isCurrent=flag, status=status, createdAt=f"{day}T10:00:00Z")
        for day, flag, status in zip(days, flags, statuses, strict=True)
    ]
    assert found(AGu1(answers={f"{ENTITY}/validations": {"validations": rows[::-1]}}))["isCurrent"] == word


def test_status_nobody_knows_is_named_when_it_is_a_word() -> None:
    rows = [a_row(id="1", status="frozen"), a_row(id="2", status="Ana Núñez, 30111222")]
    words = found(AGu1(answers={VALIDATIONS: {"validations": rows}}))
    assert words["statuses"] == "unknown to us: frozen 1, unreadable 1"


@pytest.mark.parametrize(
    ("status", "code"), [(401, "UNAUTHORIZED"), (403, "FORBIDDEN"), (400, "ORGANIZATION_REQUIRED")]
)
def test_refused_key_ends_the_questions(status: int, code: str) -> None:
    gu1 = AGu1(answers={NOBODY: httpx.Response(status, json={"error": code})})
    with pytest.raises(Refused, match=f"HTTP {status} {code}"):
        findings(gu1)
    assert len(gu1.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(503), Unavailable),
        (httpx.Response(429, headers={"Retry-After": "60"}), Unavailable),
        (httpx.Response(301, headers={"Location": "https://elsewhere.test"}), Malformed),
    ],
)
def test_gu1_that_does_not_answer_is_an_error(answer: httpx.Response, error: type[Gu1Error]) -> None:
    with pytest.raises(error, match=f"HTTP {answer.status_code}"):
        findings(AGu1(answers={NOBODY: answer}))


def test_limit_met_on_the_way_ends_the_questions() -> None:
    busy = httpx.Response(429, headers={"Retry-After": "60"})
    gu1 = AGu1(answers={VALIDATIONS: busy})
    words = found(gu1)
    assert (words["limit"], words["statuses"]) == ("HTTP 429, Retry-After 60 seconds", "not seen")
    assert len(gu1.requests) == 3


def test_what_the_key_may_not_see_is_named() -> None:
    forbidden = httpx.Response(403, json={"error": {"code": "FORBIDDEN", "message": "…"}})
    words = found(AGu1(answers={"/api/entities": forbidden, f"{ENTITY}/status": httpx.Response(200, text="<html>")}))
    assert words["refused or unanswered"] == "entities (HTTP 403 FORBIDDEN), an entity's status (no JSON)"
    assert words["entities path"] == words["status answer's expiresAt"] == "not seen"


def test_an_address_that_is_nowhere_does_not_accept_a_key() -> None:
    nowhere = httpx.MockTransport(lambda _: httpx.Response(404, text="not found"))
    assert found(nowhere)["key"] == "not known: everything is HTTP 404"


def test_nothing_of_a_person_is_in_any_finding() -> None:
    said = repr(findings(AGu1()))
    personal = ("Ana", "30111222", "30.111.222", ID, ENTITY_ID, "session_xyz789", "org_abc123", "short_description")
    assert [word for word in personal if word in said] == []


@many
@given(bodies=any_json)
def test_any_answer_makes_findings_or_an_error_of_the_tree(bodies: Any) -> None:
    async def look(path: str, params: Any) -> Response:
        return Response(
            200, {"validations": [bodies, NEWEST | {"status": bodies, "decision": bodies}], "entities": bodies}
        )

    async def odd(path: str, params: Any) -> Response:
        return Response(
            200, NEWEST | {"metadata": bodies, "warnings": bodies, "isCurrent": bodies, "createdAt": bodies}
        )

    for answers in (look, odd):
        assert asyncio.run(probe(answers, entities_path="/entities", sends_organization=True))


def test_silence_is_never_sent() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    with pytest.raises(NotSent):
        findings(httpx.MockTransport(refuse))
