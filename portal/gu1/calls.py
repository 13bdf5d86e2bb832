"""Every call that the portal has use for: what is asked, and what the answer must be about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Malformed, NotSent, Refused
from portal.domain.onboarding import Details
from portal.domain.validation import Listing, Observation
from portal.gu1 import entity_reader as entities
from portal.gu1 import operations
from portal.gu1 import request_bodies as outgoing
from portal.gu1 import validation_reader as schema
from portal.gu1.operations import Operation
from portal.gu1.pagination import MOST_PAGES, PAGE_SIZE, Pages
from portal.gu1.parsing import letters_and_digits, parse
from portal.gu1.tax_ids import canonical

T = TypeVar("T")

_NOT_FOUND = 404


class Calls(ABC):
    def __init__(self, *, integration_code: str, entities_path: str) -> None:
        self._integration_code = integration_code
        self._entities_path = entities_path.rstrip("/")

    async def create_entity(self, details: Details, external_id: str) -> str:
        body = outgoing.entity_body(details, external_id)

        async def work() -> str:
            return entities.read_entity_id(await self._ask(operations.CREATE_ENTITY, self._entities_path, body=body))

        return await self._call(operations.CREATE_ENTITY, work)

    async def find_entity(self, external_id: str) -> str | None:
        path = f"{self._entities_path}/by-external-id/{outgoing.quoted_in_path(external_id)}"

        async def work() -> str | None:
            return entities.read_entity_of(await self._ask(operations.FIND_ENTITY, path), external_id)

        return await self._call(operations.FIND_ENTITY, lambda: _unless_missing(work()))

    async def find_entity_by_tax_id(self, country: str, tax_id: str) -> str | None:
        """The oldest person with that number, whichever way gu1 writes it."""
        country, number = country.upper(), letters_and_digits(tax_id)
        if number is None:
            raise NotSent("a tax id without letters and digits")

        async def look(form: str) -> str | None:
            wanted = {"taxId": form, "type": "person", "country": country}
            answer = await self._ask(operations.FIND_ENTITY_BY_TAX_ID, self._entities_path, params=wanted)
            return entities.read_entity_with_tax_id(answer, country, number)

        async def work() -> str | None:
            for form in dict.fromkeys((number, canonical(country, number))):
                if found := await _unless_missing(look(form)):
                    return found
            return None

        return await self._call(operations.FIND_ENTITY_BY_TAX_ID, work)

    async def read_entity_status(self, entity_id: str) -> EntityStatus:
        path = f"/api/kyc/entities/{outgoing.in_path(entity_id)}/status"

        async def work() -> EntityStatus:
            return entities.read_entity_status(await self._ask(operations.READ_ENTITY_STATUS, path), entity_id)

        return await self._call(operations.READ_ENTITY_STATUS, work)

    async def create_validation(
        self,
        entity_id: str,
        *,
        double_check: bool,
        metadata: Mapping[str, str | int],
        integration_code: str | None = None,
    ) -> Observation:
        integration_code = integration_code or self._integration_code
        bare = outgoing.validation_body(entity_id, integration_code, double_check=double_check)
        body = outgoing.with_metadata(bare, metadata)

        async def work() -> Observation:
            try:
                answer = await self._ask(operations.CREATE_VALIDATION, "/api/kyc/validations", body=body)
            except Refused as refusal:
                if not outgoing.may_be_about_metadata(refusal):
                    raise
                # gu1's newest pages no longer list metadata, and nothing was created by what it refused.
                answer = await self._ask(operations.CREATE_VALIDATION, "/api/kyc/validations", body=bare)
            return _of_entity(schema.read_answer(answer), entity_id)

        return await self._call(operations.CREATE_VALIDATION, work)

    async def read_validation(self, gu1_id: str) -> Observation:
        path = f"/api/kyc/validations/{outgoing.in_path(gu1_id)}"

        async def work() -> Observation:
            return _of_validation(schema.read_answer(await self._ask(operations.READ_VALIDATION, path)), gu1_id)

        return await self._call(operations.READ_VALIDATION, work)

    async def read_current(self, entity_id: str) -> Observation | None:
        path = f"/api/kyc/entities/{outgoing.in_path(entity_id)}/current"

        async def work() -> Observation:
            return _of_entity(schema.read_answer(await self._ask(operations.READ_CURRENT, path)), entity_id)

        return await self._call(operations.READ_CURRENT, lambda: _unless_missing(work()))

    async def list_validations(self, entity_id: str) -> Listing:
        path = f"/api/kyc/entities/{outgoing.in_path(entity_id)}/validations"

        async def work() -> Pages:
            pages = Pages()
            for number in range(1, MOST_PAGES + 1):
                wanted = {"page": number, "limit": PAGE_SIZE}
                if not pages.add(await self._ask(operations.LIST_VALIDATIONS, path, params=wanted)):
                    break
            return pages

        def judged(pages: Pages) -> str:
            return operations.PARTLY_MALFORMED if pages.unreadable else operations.OK

        pages = await self._call(operations.LIST_VALIDATIONS, work, judged)
        return Listing(pages.of_entity(entity_id), is_whole=not pages.unreadable)

    async def sync_validation(self, gu1_id: str) -> Observation | None:
        """What gu1 learned from the provider; None where it does not say, and has to be read."""
        path = f"/api/kyc/validations/{outgoing.in_path(gu1_id)}/sync"

        async def work() -> Observation | None:
            answer = await self._send(operations.SYNC_VALIDATION, path, body={"force": True})
            seen = schema.read_synced(parse(answer)) if answer.strip() else None
            return seen and _of_validation(seen, gu1_id)

        return await self._call(operations.SYNC_VALIDATION, work)

    async def cancel_validation(self, gu1_id: str, reason: str) -> None:
        path = f"/api/kyc/validations/{outgoing.in_path(gu1_id)}/cancel"

        async def work() -> None:
            await self._send(operations.CANCEL_VALIDATION, path, body={"reason": reason})

        await self._call(operations.CANCEL_VALIDATION, work)

    async def _ask(
        self,
        operation: Operation,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> object:
        return parse(await self._send(operation, path, params=params, body=body))

    @abstractmethod
    async def _call(
        self, operation: Operation, work: Callable[[], Awaitable[T]], judged: Callable[[T], str] | None = None
    ) -> T:
        """What `work` gives; `judged` says for the metrics how good that is."""

    @abstractmethod
    async def _send(
        self,
        operation: Operation,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> bytes:
        """The body of a successful answer."""


async def _unless_missing(asked: Awaitable[T]) -> T | None:
    try:
        return await asked
    except Refused as refusal:
        if refusal.http_status == _NOT_FOUND:
            return None
        raise


def _of_entity(seen: Observation, entity_id: str) -> Observation:
    if seen.entity_id not in (None, entity_id):
        raise Malformed("the answer is about another entity")
    return seen


def _of_validation(seen: Observation, gu1_id: str) -> Observation:
    if seen.gu1_id != gu1_id:
        raise Malformed("the answer is about another validation")
    return seen
