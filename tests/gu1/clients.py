"""Real clients against answers, in one event loop per call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from portal.domain.onboarding import Details
from portal.gu1.client import Gu1Client
from tests.gu1.rows import ENTITY_ID, ID

Use = Callable[[Gu1Client], Awaitable[Any]]

DETAILS = Details(country="AR", document_number="30111222", first_name="Ana", last_name="Núñez")

READS: dict[str, Use] = {
    "find_entity": lambda client: client.find_entity("ours"),
    "read_validation": lambda client: client.read_validation(ID),
    "list_validations": lambda client: client.list_validations(ENTITY_ID),
}
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
    return Gu1Client(base_url=base_url, api_key="gk_secret", integration_code="code", **changes)


def ask(transport: httpx.AsyncBaseTransport, *uses: Use, **changes: Any) -> Any:
    """What the last of `uses` gives."""

    async def run() -> Any:
        client = a_client(transport=transport, **changes)
        try:
            return [await use(client) for use in uses][-1]
        finally:
            await client.aclose()

    return asyncio.run(run())
