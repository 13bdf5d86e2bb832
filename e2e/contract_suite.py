"""The targets of the contract suite: mocks of the newest and the oldest gu1, or a real sandbox if `CONTRACT=live`.

`make contract` sets that; a key that merely lies in the environment of `make test` is never used.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest

from e2e.mock_gu1 import create_mock
from e2e.mock_gu1.server import serving
from e2e.mock_gu1.settings import DEFAULT_API_KEY, DEFAULT_INTEGRATION_CODE
from portal.domain.errors import Gu1Error, Refused
from portal.domain.onboarding import Details
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.validation import DoubleCheck, Observation
from portal.gu1.client import Gu1Client
from portal.settings import ConfigError, load_config

T = TypeVar("T")
Use = Callable[[Gu1Client], Awaitable[T]]

IS_LIVE = os.environ.get("CONTRACT") == "live"
MOST_REQUESTS = 90
"""gu1's sandbox allows 100 an hour; the rest is left for its other users."""
REASON = "end of a test of the contract"

NEWEST: dict[str, Any] = {}
OLDEST: dict[str, Any] = {
    "duplicates": "allow",
    "entity_status": "200",
    "entity_envelope": "data",
    "entity_read_envelope": "data",
    "entities_list": "data",
    "session_key": "sessionId",
    "expires_at": "missing",
    "metadata_echo": "no",
    "create_keys": "newest",
    "list_rows": "abbreviated",
    "warnings_form": "objects",
    "decision": "legacy",
    "error_shape": "nested",
    "is_current": "newest_approved",
    "second_validation": "cancels_first",
    "status_expires_at": "missing",
    "numbers": "as_strings",
}
TARGETS = {"live": {}} if IS_LIVE else {"newest": NEWEST, "oldest": OLDEST}


class Counting(httpx.AsyncBaseTransport):
    """Skips a test that would exceed the request budget or that reaches gu1's own limit."""

    def __init__(self, inner: httpx.AsyncBaseTransport, spent: list[str], most: int = MOST_REQUESTS) -> None:
        self._inner = inner
        self._spent = spent
        self._most = most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if len(self._spent) >= self._most:
            pytest.skip(f"the suite has spent its {self._most} requests of this hour")
        self._spent.append(request.method)
        answer = await self._inner.handle_async_request(request)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            pytest.skip("gu1's limit for this hour is reached; others may be using the same sandbox")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Gu1:
    """One gu1 and what the suite created there; each call uses a new client."""

    settings: Mapping[str, Any] = field(repr=False)
    """Settings of the client, with the API key."""
    provider_hosts: ProviderHosts
    pauses: tuple[float, ...]
    spent: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)

    def ask(self, use: Use[T], **changes: str) -> T:
        return run(self._asked(use, changes))

    def refused(self, use: Use[object], **changes: str) -> Refused:
        with pytest.raises(Refused) as refusal:
            self.ask(use, **changes)
        return refusal.value

    def person(self, document_number: str, external_id: str) -> str:
        """The entity's id, whether gu1 creates it or refuses a duplicate; the same way as the portal does it."""
        details = Details(country="AR", document_number=document_number, first_name="Contract", last_name="Suite")
        try:
            return self.ask(lambda client: client.create_entity(details, external_id))
        except Refused as refusal:
            assert (refusal.http_status, refusal.code) == (409, "DUPLICATE_TAX_ID")
            existing = refusal.entity_id or self.by_tax_id(document_number)
            assert existing, "a duplicate of nobody"
            return existing

    def by_tax_id(self, document_number: str) -> str | None:
        return self.ask(lambda client: client.find_entity_by_tax_id("AR", document_number))

    def validation(self, entity_id: str, *, double_check: bool, nonce: str = "n", **changes: str) -> Observation:
        metadata: dict[str, str | int] = {"nonce": nonce, "attempt": 1}
        created = self.ask(
            lambda client: client.create_validation(entity_id, double_check=double_check, metadata=metadata), **changes
        )
        self.created.append(created.gu1_id)
        return created

    def read(self, gu1_id: str) -> Observation:
        return self.ask(lambda client: client.read_validation(gu1_id))

    def settled(self, gu1_id: str) -> Observation:
        """Waits for the final status and the registry's answer; after the timeout returns the latest row."""
        for pause in self.pauses:
            seen = self.read(gu1_id)
            if seen.status.is_final and seen.double_check is not DoubleCheck.UNANSWERED:
                return seen
            time.sleep(pause)
        return self.read(gu1_id)

    def cancel(self, gu1_id: str) -> None:
        self.ask(lambda client: client.cancel_validation(gu1_id, REASON))

    def tidy_up(self) -> None:
        """Cancels every open session of this suite; gu1 refuses to cancel ended ones, which is ignored."""
        for gu1_id in self.created:
            with suppress(Gu1Error, pytest.skip.Exception):
                self.cancel(gu1_id)

    async def _asked(self, use: Use[T], changes: dict[str, str]) -> T:
        transport = Counting(httpx.AsyncHTTPTransport(trust_env=False), self.spent)
        client = Gu1Client(**{**self.settings, **changes}, transport=transport)
        try:
            return await use(client)
        finally:
            await client.aclose()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs in its own thread: browser tests leave an event loop running in the main thread."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@contextmanager
def target(name: str) -> Iterator[Gu1]:
    if IS_LIVE:
        sandbox = _sandbox()
        _try_key(sandbox)
        yield sandbox
        return
    with serving(create_mock(auto_delay=0.2, hourly_limit=100, **TARGETS[name])) as server:
        settings = {"base_url": server.url, "api_key": DEFAULT_API_KEY, "integration_code": DEFAULT_INTEGRATION_CODE}
        yield Gu1(settings, ProviderHosts(["127.0.0.1"]), pauses=(0.1,) * 20)


def fresh(what: str) -> str:
    """A unique external id."""
    return f"portal-contract-{what}-{uuid4().hex[:12]}"


def _sandbox() -> Gu1:
    """Configured by the environment; polls for a verdict with growing pauses for up to five minutes."""
    try:
        config = load_config(gu1_webhook_secrets=("not needed",), secret_keys=("not needed " * 3,))
    except ConfigError as error:
        pytest.exit(f"the environment is not right:\n{error}", returncode=1)
    settings = {
        "base_url": config.gu1_base_url,
        "api_key": config.gu1_api_key,
        "integration_code": config.gu1_integration_code,
        "entities_path": config.gu1_entities_path,
        "organization_id": config.gu1_organization_id,
    }
    return Gu1(settings, ProviderHosts(config.gu1_provider_hosts), pauses=(2, 3, 5, 10, 20, 30, 45, 60, 60, 60))


def _try_key(gu1: Gu1) -> None:
    """Ends the whole run if the key is wrong, instead of failing every test."""
    try:
        gu1.ask(lambda client: client.find_entity(fresh("nobody")))
    except Gu1Error as error:
        pytest.exit(f"{error}; portal check says more", returncode=1)
