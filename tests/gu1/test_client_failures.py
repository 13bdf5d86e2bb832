from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from portal.domain.errors import Malformed, NotSent, OutcomeUnknown, Refused, Unavailable
from tests.gu1.clients import CALLS, READS, WRITES, Gu1Answers, ask
from tests.gu1.rows import a_row


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_what_never_left_is_not_sent(name: str, error: type[httpx.TransportError]) -> None:
    with pytest.raises(NotSent):
        ask(Gu1Answers(error("…")), CALLS[name])


@pytest.mark.parametrize(
    "failure",
    [
        *[
            error("…")
            for error in (
                *(httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError),
                *(httpx.RemoteProtocolError, httpx.LocalProtocolError, OSError, RuntimeError),
            )
        ],
        *[httpx.Response(status) for status in (408, 500, 502, 503, 504, 599)],
    ],
    ids=repr,
)
def test_failure_leaves_only_writes_in_doubt(failure: Any) -> None:
    for use in READS.values():
        with pytest.raises(Unavailable):
            ask(Gu1Answers(failure), use)
    for use in WRITES.values():
        with pytest.raises(OutcomeUnknown):
            ask(Gu1Answers(failure), use)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 409, 422])
def test_refusal_carries_status_and_code(name: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        ask(Gu1Answers(httpx.Response(status, json={"error": "NO", "message": "no"})), CALLS[name])
    assert (refused.value.http_status, refused.value.code) == (status, "NO")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b"[" * 100_000, b"x" * 300_000])
def test_unreadable_refusal_has_no_code(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        ask(Gu1Answers(httpx.Response(404, content=body)), WRITES["create_validation"])
    assert (refused.value.http_status, refused.value.code) == (404, None)


def test_duplicate_names_the_existing_entity() -> None:
    body = {"error": {"code": "DUPLICATE_TAX_ID", "details": {"existingEntityId": "e7"}}}
    with pytest.raises(Refused) as refused:
        ask(Gu1Answers(httpx.Response(409, json=body)), WRITES["create_entity"])
    assert refused.value.entity_id == "e7"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("header", "seconds"), [({"Retry-After": "7"}, 7), ({"Retry-After": "later"}, None), ({}, None)]
)
def test_too_many_requests_say_when_to_come_back(name: str, header: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(Unavailable) as unavailable:
        ask(Gu1Answers(httpx.Response(429, headers=header)), CALLS[name])
    assert unavailable.value.retry_after == seconds


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    with pytest.raises(Unavailable) as unavailable:
        ask(Gu1Answers(httpx.Response(503, headers={"Retry-After": date})), READS["read_validation"])
    assert unavailable.value.retry_after == pytest.approx(120, abs=5)


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"cancel_validation", "change_tax_id", "sync_validation"}))
@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}"]
)
def test_unreadable_answer_is_malformed(name: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        ask(Gu1Answers(httpx.Response(200, content=body)), CALLS[name])


@pytest.mark.asvs("13.2.4", "15.3.2")
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(name: str, status: int) -> None:
    gu1 = Gu1Answers(httpx.Response(status, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(Malformed):
        ask(gu1, CALLS[name])
    assert len(gu1.requests) == 1


@pytest.mark.parametrize("location", ["//[", "https://xn--/", "http://é\x00", "\ud800"])
def test_redirect_to_nonsense_is_malformed(location: str) -> None:
    headers = [(b"Location", location.encode("utf-8", "surrogatepass"))]
    with pytest.raises(Malformed):
        ask(Gu1Answers(httpx.Response(301, headers=headers)), WRITES["create_validation"])


@pytest.mark.parametrize("most_bytes", [10, 1000])
def test_body_may_not_be_larger_than_the_cap(most_bytes: int) -> None:
    gu1 = Gu1Answers(httpx.Response(200, json=a_row(filler="x" * 1000)))
    with pytest.raises(Malformed):
        ask(gu1, READS["read_validation"], most_bytes=most_bytes)
