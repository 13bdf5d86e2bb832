"""Real clients against answers, in one event loop per call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from portal.domain.onboarding import Details
from portal.gu1.client import Gu1Client
from tests.gu1.rows import ENTITY_ID, ID, a_row

Use = Callable[[Gu1Client], Awaitable[Any]]

DETAILS = Details(country="AR", document_number="30111222", first_name="Ana", last_name="Núñez")

READS: dict[str, Use] = {
    "find_entity": lambda client: client.find_entity("ours"),
    "find_entity_by_tax_id": lambda client: client.find_entity_by_tax_id("AR", "30111222"),
    "read_entity": lambda client: client.read_entity(ENTITY_ID),
    "change_tax_id": lambda client: client.change_tax_id(ENTITY_ID, "30111222"),
    "read_entity_status": lambda client: client.read_entity_status(ENTITY_ID),
    "read_validation": lambda client: client.read_validation(ID),
    "list_validations": lambda client: client.list_validations(ENTITY_ID),
    "sync_validation": lambda client: client.sync_validation(ID),
}
"""Sync and the change of a number too: like a read they may be repeated."""
WRITES: dict[str, Use] = {
    "create_entity": lambda client: client.create_entity(DETAILS, "ours"),
    "create_validation": lambda client: client.create_validation(ENTITY_ID, double_check=True, metadata={"nonce": "n"}),
    "cancel_validation": lambda client: client.cancel_validation(ID, "not needed"),
}
CALLS = READS | WRITES


class Gu1Answers(httpx.MockTransport):
    """Gives its answers one by one, the last for ever, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        super().__init__(self._answer)
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def sent(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.requests[-1].content)


def a_client(base_url: str = "https://gu1.test", **changes: Any) -> Gu1Client:
    given: dict[str, Any] = {"base_url": base_url, "api_key": "gk_secret", "integration_code": "code"}
    return Gu1Client(**given | changes)


def ask(transport: httpx.AsyncBaseTransport, *uses: Use, **changes: Any) -> Any:
    """What the last of `uses` gives."""

    async def run() -> Any:
        client = a_client(transport=transport, **changes)
        try:
            return [await use(client) for use in uses][-1]
        finally:
            await client.aclose()

    return asyncio.run(run())


def answered(body: Any, use: Use, status: int = 200, **changes: Any) -> Any:
    """What `use` makes of one answer of gu1's."""
    return ask(Gu1Answers(httpx.Response(status, json=body)), use, **changes)


def sent_by(use: Use, body: Any = None, **changes: Any) -> httpx.Request:
    """The first request of `use`."""
    gu1 = Gu1Answers(httpx.Response(200, json=body or a_row()))
    ask(gu1, use, **changes)
    return gu1.requests[0]
