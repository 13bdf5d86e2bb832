from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from portal.domain.errors import Gu1Error, Malformed, NotSent, OutcomeUnknown, Unavailable
from portal.domain.status import Status
from tests.gu1.clients import DETAILS, READS, WRITES, Gu1Answers, a_client, ask
from tests.gu1.rows import ENTITY_ID, ID, a_row

CREATED = httpx.Response(201, json=a_row())


@pytest.mark.asvs("14.2.3")
def test_entity_is_created_from_the_details() -> None:
    gu1 = Gu1Answers(httpx.Response(201, json={"success": True, "entity": {"id": "e1"}}))
    assert ask(gu1, WRITES["create_entity"]) == "e1"
    assert str(gu1.requests[0].url) == "https://gu1.test/api/entities"
    assert gu1.sent == {
        "type": "person",
        "name": "Ana Núñez",
        "taxId": "30111222",
        "countryCode": "AR",
        "externalId": "ours",
        "entityData": {"person": {"firstName": "Ana", "lastName": "Núñez"}},
    }


def test_every_request_is_signed_and_plain() -> None:
    gu1 = Gu1Answers(CREATED)
    ask(gu1, WRITES["create_validation"], READS["read_validation"], organization_id="org")
    for request in gu1.requests:
        assert request.headers["Authorization"] == "Bearer gk_secret"
        assert request.headers["X-Organization-ID"] == "org"
        assert request.headers["Accept-Encoding"] == "identity"


def test_organization_is_left_out_where_there_is_none() -> None:
    gu1 = Gu1Answers(CREATED)
    ask(gu1, READS["read_validation"])
    assert "X-Organization-ID" not in gu1.requests[0].headers


def test_validation_is_created_with_our_metadata() -> None:
    gu1 = Gu1Answers(CREATED)
    seen = ask(gu1, WRITES["create_validation"])
    assert (seen.gu1_id, seen.status) == (ID, Status.PENDING)
    assert gu1.sent == {
        "entityId": ENTITY_ID,
        "integrationCode": "code",
        "metadata": {"portal": {"nonce": "n"}},
        "doubleCheckRenaper": True,
    }


def test_double_check_is_left_out_where_not_wanted() -> None:
    gu1 = Gu1Answers(CREATED)
    ask(gu1, lambda client: client.create_validation(ENTITY_ID, double_check=False, metadata={}))
    assert "doubleCheckRenaper" not in gu1.sent


@pytest.mark.parametrize("body", [{}, [], {"id": 1.5, "status": "pending"}, a_row(entityId="somebody-else")])
def test_strange_create_answer_leaves_the_outcome_open(body: Any) -> None:
    with pytest.raises(Malformed):
        ask(Gu1Answers(httpx.Response(201, json=body)), WRITES["create_validation"])


def test_read_of_another_validation_is_malformed() -> None:
    with pytest.raises(Malformed):
        ask(Gu1Answers(httpx.Response(200, json=a_row(id="another"))), READS["read_validation"])


def test_cancel_is_a_delete_with_a_reason() -> None:
    gu1 = Gu1Answers(httpx.Response(204))
    assert ask(gu1, WRITES["cancel_validation"]) is None
    assert gu1.requests[0].method == "DELETE"
    assert gu1.requests[0].url.path == f"/api/kyc/validations/{ID}/cancel"
    assert gu1.sent == {"reason": "not needed"}


def test_entity_that_gu1_does_not_have_is_none() -> None:
    gu1 = Gu1Answers(httpx.Response(404, json={"error": "ENTITY_NOT_FOUND"}))
    assert ask(gu1, READS["find_entity"]) is None


@pytest.mark.asvs("1.2.2")
def test_external_id_stays_one_step_of_the_path() -> None:
    gu1 = Gu1Answers(httpx.Response(200, json={"id": "e1", "externalId": "../a b?c#é%41"}))
    assert ask(gu1, lambda client: client.find_entity("../a b?c#é%41"), entities_path="/entities/") == "e1"
    assert gu1.requests[0].url.raw_path == b"/entities/by-external-id/..%2Fa%20b%3Fc%23%C3%A9%2541"


@pytest.mark.asvs("1.3.6", "13.2.4")
@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a?b", "é", "x" * 129])
def test_bad_id_never_enters_a_path(bad: str) -> None:
    gu1 = Gu1Answers(CREATED)
    for use in (
        lambda c: c.read_validation(bad),
        lambda c: c.list_validations(bad),
        lambda c: c.cancel_validation(bad, ""),
    ):
        with pytest.raises(NotSent):
            ask(gu1, use)
    assert gu1.requests == []


@pytest.mark.asvs("1.3.6")
@pytest.mark.parametrize("external_id", ["", ".", ".."])
def test_external_id_that_climbs_is_not_sent(external_id: str) -> None:
    with pytest.raises(NotSent):
        ask(Gu1Answers(CREATED), lambda client: client.find_entity(external_id))


def test_all_pages_are_listed() -> None:
    pages = [httpx.Response(200, json={"validations": [a_row(id=f"v{n}")], "total": 3}) for n in (1, 2, 3)]
    gu1 = Gu1Answers(*pages)
    listed = ask(gu1, READS["list_validations"])
    assert [seen.gu1_id for seen in listed.rows] == ["v1", "v2", "v3"]
    assert [request.url.params["page"] for request in gu1.requests] == ["1", "2", "3"]


def test_endless_list_is_left_after_twenty_pages() -> None:
    rows = [a_row(id=f"v{n}") for n in range(99)]
    gu1 = Gu1Answers(*(httpx.Response(200, json={"validations": [row], "total": 10**6}) for row in rows))
    listed = ask(gu1, READS["list_validations"])
    assert len(gu1.requests) == len(listed.rows) == 20
    assert not listed.is_whole


def test_cookies_are_never_sent_back() -> None:
    gu1 = Gu1Answers(httpx.Response(200, json=a_row(), headers={"Set-Cookie": "a=b"}))
    ask(gu1, READS["read_validation"], READS["read_validation"])
    assert "Cookie" not in gu1.requests[1].headers


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (CREATED, "ok"),
        (httpx.Response(400), "refused"),
        (httpx.ConnectError("…"), "not_sent"),
        (httpx.Response(429), "unavailable"),
        (httpx.Response(500), "unknown"),
        (httpx.Response(200), "malformed"),
    ],
)
def test_every_call_is_told_with_its_outcome(answer: Any, outcome: str) -> None:
    told: list[tuple[str, str]] = []

    async def tolerant(client: Any) -> None:
        try:
            await WRITES["create_validation"](client)
        except Gu1Error:
            return

    ask(Gu1Answers(answer), tolerant, on_call=lambda name, outcome, seconds: told.append((name, outcome)))
    assert told == [("create_validation", outcome)]


def test_breaker_holds_paid_calls_back_unsent() -> None:
    gu1 = Gu1Answers(httpx.Response(500))

    async def failing(client: Any) -> None:
        with pytest.raises(Unavailable):
            await client.read_validation(ID)

    with pytest.raises(NotSent):
        ask(gu1, *[failing] * 5, WRITES["create_validation"])
    assert len(gu1.requests) == 5


@pytest.mark.asvs("15.2.2")
def test_no_more_calls_at_once_than_allowed() -> None:
    running = 0
    most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return httpx.Response(200, json=a_row())

    async def many(client: Any) -> None:
        await asyncio.gather(*[client.read_validation(ID) for _ in range(9)])

    ask(httpx.MockTransport(answer), many, concurrency=3)
    assert most == 3


def test_after_a_429_fewer_calls_are_allowed() -> None:
    allowed: list[int] = []

    async def throttled(client: Any) -> None:
        with pytest.raises(Unavailable):
            await client.read_validation(ID)
        allowed.append(client.calls_allowed)

    ask(Gu1Answers(httpx.Response(429)), throttled, concurrency=12)
    assert allowed == [6]


def test_errors_tell_neither_key_nor_person() -> None:
    gu1 = Gu1Answers(httpx.LocalProtocolError("Illegal header value b'Bearer gk_secret' 30111222 Ana"))
    with pytest.raises(OutcomeUnknown) as unknown:
        ask(gu1, lambda client: client.create_entity(DETAILS, "ours"))
    assert str(unknown.value) == "create_entity: LocalProtocolError"
    assert unknown.value.__suppress_context__


def test_client_may_be_made_outside_of_any_loop() -> None:
    client = a_client(transport=Gu1Answers(CREATED))
    assert asyncio.run(client.read_validation(ID)).gu1_id == ID
    asyncio.run(client.aclose())
