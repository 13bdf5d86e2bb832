"""Nothing of key, people, numbers or bodies reaches a log, however talkative all loggers are."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from portal.domain.errors import Gu1Error
from portal.domain.onboarding import Details
from tests.gu1.clients import CALLS, Gu1Answers, Use, a_client, ask
from tests.gu1.raw_server import raw_server, reset, saying
from tests.gu1.rows import ID

_SECRETS = ("gk_secret", "30111222", "30.111.222", "Núñez", "Nunez", "ana@example.com", "customer-77", "SERVERTEXT", ID)
_DETAILS = Details(
    country="AR", document_number="30111222", first_name="Ana", last_name="Núñez", email="ana@example.com"
)
_USES = CALLS | {
    "create_entity": lambda client: client.create_entity(_DETAILS, "customer-77"),
    "find_entity": lambda client: client.find_entity("customer-77"),
}
_BODY = b'{"error": "SERVERTEXT 30111222 Ana Nunez", "taxId": "30.111.222"}'
_HEAD = b"Content-Length: %d\r\nX-Text: SERVERTEXT\r\nLocation: /?taxId=30.111.222\r\n\r\n" % len(_BODY)
_ANSWERS = {
    status: saying(b"HTTP/1.1 %d SERVERTEXT\r\n" % status + _HEAD + _BODY) for status in (200, 302, 400, 409, 500)
}


async def _failure(address: str, use: Use) -> str:
    client = a_client(f"http://{address}", deadline=2.0)
    try:
        await use(client)
    except Gu1Error as error:
        return str(error)
    finally:
        await client.aclose()
    return ""


def _told(behave: Any, use: Use) -> str:
    async def run() -> str:
        async with raw_server(behave) as address:
            return await _failure(address, use)

    return asyncio.run(run())


@pytest.mark.parametrize("behave", [*_ANSWERS.values(), reset], ids=[*map(str, _ANSWERS), "reset"])
@pytest.mark.parametrize("name", _USES)
def test_talkative_loggers_tell_nothing(name: str, behave: Any, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("", "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "asyncio"):
        caplog.set_level(logging.DEBUG, logger)
    error = _told(behave, _USES[name])
    for secret in _SECRETS:
        assert secret not in error
        assert secret not in caplog.text


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.InvalidURL, httpx.LocalProtocolError])
def test_messages_of_the_transport_are_not_repeated(error: Any) -> None:
    gu1 = Gu1Answers(error("GET https://gu1.test/api/entities?taxId=30111222 Bearer gk_secret"))
    with pytest.raises(Gu1Error) as told:
        ask(gu1, _USES["find_entity_by_tax_id"])
    assert not [secret for secret in _SECRETS if secret in str(told.value)]
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
