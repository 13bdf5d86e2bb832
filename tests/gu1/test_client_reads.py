from __future__ import annotations

from typing import Any

import httpx
import pytest

from portal.domain.errors import Malformed, NotSent, Refused, Unavailable
from portal.domain.status import Status
from portal.gu1.pagination import MOST_PAGES, PAGE_SIZE
from tests.gu1.clients import READS, Gu1Answers, ask
from tests.gu1.rows import ENTITY_ID, ID, a_person, a_row, a_status

NOBODY = httpx.Response(200, json={"entities": []})
MISSING = httpx.Response(404, json={"error": "NOT_FOUND"})


def test_number_is_looked_up_plainly_first() -> None:
    gu1 = Gu1Answers(httpx.Response(200, json=[a_person()]))
    assert ask(gu1, lambda client: client.find_entity_by_tax_id("ar", "30.111.222")) == ENTITY_ID
    assert [dict(it.url.params) for it in gu1.requests] == [{"taxId": "30111222", "type": "person", "country": "AR"}]


@pytest.mark.parametrize("first", [NOBODY, MISSING, httpx.Response(200, json=[a_person(type="company")])])
def test_number_is_looked_up_as_gu1_keeps_it(first: httpx.Response) -> None:
    gu1 = Gu1Answers(first, httpx.Response(200, json={"data": [a_person()]}))
    assert ask(gu1, READS["find_entity_by_tax_id"], entities_path="/entities") == ENTITY_ID
    assert [request.url.params["taxId"] for request in gu1.requests] == ["30111222", "30.111.222"]
    assert gu1.requests[1].url.path == "/entities"


@pytest.mark.parametrize("answer", [NOBODY, MISSING])
def test_number_of_nobody_is_none(answer: httpx.Response) -> None:
    assert ask(Gu1Answers(answer), READS["find_entity_by_tax_id"]) is None


def test_number_in_one_form_is_looked_up_once() -> None:
    gu1 = Gu1Answers(NOBODY)
    assert ask(gu1, lambda client: client.find_entity_by_tax_id("MX", "abcd800101xy1")) is None
    assert [request.url.params["taxId"] for request in gu1.requests] == ["ABCD800101XY1"]


@pytest.mark.parametrize("empty", ["", " .-", "é"])
def test_empty_number_is_never_looked_up(empty: str) -> None:
    with pytest.raises(NotSent):
        ask(Gu1Answers(NOBODY), lambda client: client.find_entity_by_tax_id("AR", empty))


def test_status_of_an_entity_is_asked_for() -> None:
    gu1 = Gu1Answers(httpx.Response(200, json=a_status()))
    assert ask(gu1, READS["read_entity_status"]).is_verified
    assert gu1.requests[0].url.path == f"/api/kyc/entities/{ENTITY_ID}/status"


def test_sync_is_forced_and_gives_the_row() -> None:
    gu1 = Gu1Answers(httpx.Response(200, json={"data": a_row(status="approved")}))
    assert ask(gu1, READS["sync_validation"]).status is Status.APPROVED
    assert (gu1.requests[0].method, gu1.requests[0].url.path) == ("POST", f"/api/kyc/validations/{ID}/sync")
    assert gu1.sent == {"force": True}


@pytest.mark.parametrize("body", [b"", b"  ", b"null", b"{}", b'{"success": true}'])
def test_sync_that_tells_nothing_is_none(body: bytes) -> None:
    assert ask(Gu1Answers(httpx.Response(200, content=body)), READS["sync_validation"]) is None


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[" * 100_000, b'{"id": "another", "status": "approved"}'])
def test_sync_of_something_else_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        ask(Gu1Answers(httpx.Response(200, content=body)), READS["sync_validation"])


@pytest.mark.parametrize("status", [400, 404])
def test_sync_that_gu1_will_not_do_is_refused(status: int) -> None:
    with pytest.raises(Refused):
        ask(Gu1Answers(httpx.Response(status, json={"error": "NO_PROVIDER_SESSION"})), READS["sync_validation"])


def test_failed_sync_leaves_nothing_in_doubt() -> None:
    with pytest.raises(Unavailable):
        ask(Gu1Answers(httpx.ReadTimeout("…")), READS["sync_validation"])


@pytest.mark.parametrize("bad", ["", "..", "a/b", "x" * 129])
def test_bad_id_never_enters_these_paths_either(bad: str) -> None:
    gu1 = Gu1Answers(NOBODY)
    for use in (
        lambda c: c.read_entity_status(bad),
        lambda c: c.sync_validation(bad),
    ):
        with pytest.raises(NotSent):
            ask(gu1, use)
    assert gu1.requests == []


@pytest.mark.parametrize(
    ("rows", "outcome"), [([a_row()], "ok"), ([], "ok"), ([a_row(), {"id": "v2"}, None], "partly_malformed")]
)
def test_list_tells_whether_rows_were_unreadable(rows: list[Any], outcome: str) -> None:
    told: list[str] = []
    gu1 = Gu1Answers(httpx.Response(200, json={"validations": rows, "total": len(rows)}))
    listed = ask(gu1, READS["list_validations"], on_call=lambda name, outcome, seconds: told.append(outcome))
    assert told == [outcome]
    assert listed.is_whole == (outcome == "ok")


@pytest.mark.parametrize("surplus", [0, 1])
def test_list_that_is_longer_than_what_is_read_of_it_is_not_whole(surplus: int) -> None:
    total = MOST_PAGES * PAGE_SIZE + surplus
    rows = [[a_row(id=f"v{page}-{row}") for row in range(PAGE_SIZE)] for page in range(MOST_PAGES)]
    gu1 = Gu1Answers(*(httpx.Response(200, json={"validations": page, "total": total}) for page in rows))
    listed = ask(gu1, READS["list_validations"])
    assert (len(gu1.requests), len(listed.rows)) == (MOST_PAGES, MOST_PAGES * PAGE_SIZE)
    assert listed.is_whole == (surplus == 0)


@pytest.mark.parametrize("envelope", [{"hasMore": False}, {"pagination": {"limit": 50, "offset": 0, "hasMore": False}}])
def test_list_ends_where_gu1_has_no_more(envelope: dict[str, Any]) -> None:
    gu1 = Gu1Answers(httpx.Response(200, json=envelope | {"validations": [a_row()]}))
    assert len(ask(gu1, READS["list_validations"]).rows) == 1
    assert len(gu1.requests) == 1


def test_change_of_a_number_is_a_patch_of_that_alone_and_its_answer_proves_nothing() -> None:
    gu1 = Gu1Answers(httpx.Response(200, content=b""))
    assert ask(gu1, READS["change_tax_id"], entities_path="/entities") is None
    assert (gu1.requests[0].method, gu1.requests[0].url.path) == ("PATCH", f"/entities/{ENTITY_ID}")
    assert gu1.sent == {"taxId": "30111222"}


@pytest.mark.parametrize(
    ("shown", "is_shown"),
    [("30.111.222", True), ("030111222", True), ("30.111.223", False), (None, False), ("", False)],
)
def test_number_of_an_entity_is_compared_however_gu1_writes_it(shown: str | None, is_shown: bool) -> None:
    entity = ask(Gu1Answers(httpx.Response(200, json=a_person(taxId=shown))), READS["read_entity"])
    assert entity.has_number("30111222") is is_shown
