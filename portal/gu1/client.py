"""gu1's API: the calls that the portal makes, and whom their responses must be about."""

from __future__ import annotations

from collections.abc import Mapping

from portal.config import Config
from portal.domain.egress_proxy import EgressProxy
from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Malformed, NotSent, Refused
from portal.domain.existing_entity import ExistingEntity
from portal.domain.onboarding import Details
from portal.domain.validation import Listing, Observation
from portal.gu1 import entity_reader, operations, validation_reader
from portal.gu1.breaker import Breaker
from portal.gu1.pagination import MOST_PAGES, PAGE_SIZE, Pages
from portal.gu1.parsing import letters_and_digits, parse
from portal.gu1.request_bodies import (
    entity_body,
    headers,
    in_path,
    may_be_about_metadata,
    quoted_in_path,
    validation_body,
    with_metadata,
)
from portal.gu1.response import Response
from portal.gu1.tax_ids import canonical
from portal.gu1.transport import Call, OnCall, Params, Transport
from portal.http.client_options import HttpTransport
from portal.metrics import Metrics

_VALIDATIONS = "/api/kyc/validations"
_NOT_FOUND = 404


class Gu1Client:
    """Every method raises `Gu1Error`s and nothing else.

    May be created in any thread, but belongs to the event loop that first uses it.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        integration_code: str,
        organization_id: str | None = None,
        entities_path: str = "/api/entities",
        transport: HttpTransport | None = None,
        deadline: float = 12.0,
        connect_timeout: float = 3.0,
        most_bytes: int = 256 * 1024,
        concurrency: int = 200,
        on_call: OnCall | None = None,
        breaker: Breaker | None = None,
        egress_proxy: EgressProxy | None = None,
    ) -> None:
        """`deadline`: seconds for a whole call, without the wait for its turn (at most `concurrency` run at once)."""
        self._integration_code = integration_code
        self._entities_path = entities_path.rstrip("/")
        self._transport = Transport(
            base_url=base_url,
            headers=headers(api_key, organization_id),
            transport=transport,
            deadline=deadline,
            connect_timeout=connect_timeout,
            most_bytes=most_bytes,
            concurrency=concurrency,
            on_call=on_call,
            breaker=breaker,
            egress_proxy=egress_proxy,
        )

    @property
    def calls_allowed(self) -> int:
        """How many calls should run at once at the moment: fewer after gu1 answered 429, at most `concurrency`."""
        return self._transport.calls_allowed

    @property
    def is_failing(self) -> bool:
        """Nothing is sent for a while, because gu1 failed several times."""
        return self._transport.is_failing

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def create_entity(self, details: Details, external_id: str) -> str:
        body = entity_body(details, external_id)
        async with self._transport.call(operations.CREATE_ENTITY) as call:
            return entity_reader.read_entity_id(await call.json(self._entities_path, body=body))

    async def find_entity(self, external_id: str) -> str | None:
        path = f"{self._entities_path}/by-external-id/{quoted_in_path(external_id)}"
        async with self._transport.call(operations.FIND_ENTITY) as call:
            return entity_reader.read_entity_of(await _entities(call, path), external_id)

    async def find_entity_by_tax_id(self, country: str, tax_id: str) -> str | None:
        """The oldest person with that number, however gu1 punctuates it."""
        country, number = country.upper(), letters_and_digits(tax_id)
        if number is None:
            raise NotSent("a tax id without letters and digits")
        async with self._transport.call(operations.FIND_ENTITY_BY_TAX_ID) as call:
            for form in dict.fromkeys((number, canonical(country, number))):
                params = {"taxId": form, "type": "person", "country": country}
                body = await _entities(call, self._entities_path, params)
                if found := entity_reader.read_entity_with_tax_id(body, country, number):
                    return found
            return None

    async def read_entity(self, entity_id: str) -> ExistingEntity:
        async with self._transport.call(operations.READ_ENTITY) as call:
            return entity_reader.read_existing_entity(await call.json(self._entity_path(entity_id)), entity_id)

    async def change_tax_id(self, entity_id: str, tax_id: str) -> None:
        async with self._transport.call(operations.CHANGE_TAX_ID) as call:
            await call.send(self._entity_path(entity_id), body={"taxId": tax_id})

    async def read_entity_status(self, entity_id: str) -> EntityStatus:
        path = f"/api/kyc/entities/{in_path(entity_id)}/status"
        async with self._transport.call(operations.READ_ENTITY_STATUS) as call:
            return entity_reader.read_entity_status(await call.json(path), entity_id)

    async def create_validation(
        self,
        entity_id: str,
        *,
        double_check: bool,
        metadata: Mapping[str, str | int],
        integration_code: str | None = None,
    ) -> Observation:
        bare = validation_body(entity_id, integration_code or self._integration_code, double_check=double_check)
        async with self._transport.call(operations.CREATE_VALIDATION) as call:
            try:
                body = await call.json(_VALIDATIONS, body=with_metadata(bare, metadata))
            except Refused as refusal:
                if not may_be_about_metadata(refusal):
                    raise
                # gu1's newest pages no longer list metadata; a refused request created nothing.
                body = await call.json(_VALIDATIONS, body=bare)
            return _of_entity(validation_reader.read_answer(body), entity_id)

    async def read_validation(self, gu1_id: str) -> Observation:
        path = f"{_VALIDATIONS}/{in_path(gu1_id)}"
        async with self._transport.call(operations.READ_VALIDATION) as call:
            return _of_validation(validation_reader.read_answer(await call.json(path)), gu1_id)

    async def list_validations(self, entity_id: str) -> Listing:
        path = f"/api/kyc/entities/{in_path(entity_id)}/validations"
        pages = Pages()
        async with self._transport.call(operations.LIST_VALIDATIONS) as call:
            for number in range(1, MOST_PAGES + 1):
                if not pages.add(await call.json(path, params={"page": number, "limit": PAGE_SIZE})):
                    break
            if pages.unreadable:
                call.outcome = operations.PARTLY_MALFORMED
        return Listing(pages.of_entity(entity_id), is_whole=pages.are_whole)

    async def sync_validation(self, gu1_id: str) -> Observation | None:
        """Has gu1 ask the provider; None if the response does not show the validation, which must then be read."""
        path = f"{_VALIDATIONS}/{in_path(gu1_id)}/sync"
        async with self._transport.call(operations.SYNC_VALIDATION) as call:
            body = await call.send(path, body={"force": True})
            seen = validation_reader.read_synced(parse(body)) if body.strip() else None
            return seen and _of_validation(seen, gu1_id)

    async def cancel_validation(self, gu1_id: str, reason: str) -> None:
        path = f"{_VALIDATIONS}/{in_path(gu1_id)}/cancel"
        async with self._transport.call(operations.CANCEL_VALIDATION) as call:
            await call.send(path, body={"reason": reason})

    def _entity_path(self, entity_id: str) -> str:
        return f"{self._entities_path}/{in_path(entity_id)}"

    async def probe(self, path: str, params: Params) -> Response:
        """One GET and whatever gu1 answers, for `portal check`."""
        async with self._transport.call(operations.PROBE) as call:
            return await call.any_response(path, params)


async def _entities(call: Call, path: str, params: Params | None = None) -> object:
    """The parsed body; a 404 means that there are none."""
    try:
        return await call.json(path, params=params)
    except Refused as refusal:
        if refusal.http_status == _NOT_FOUND:
            return []
        raise


def _of_entity(seen: Observation, entity_id: str) -> Observation:
    if seen.entity_id not in (None, entity_id):
        raise Malformed("the response is about another entity")
    return seen


def _of_validation(seen: Observation, gu1_id: str) -> Observation:
    if seen.gu1_id != gu1_id:
        raise Malformed("the response is about another validation")
    return seen


def make_gu1(config: Config, metrics: Metrics) -> Gu1Client:
    return Gu1Client(
        base_url=config.gu1_base_url,
        api_key=config.gu1_api_key,
        integration_code=config.gu1_integration_code,
        organization_id=config.gu1_organization_id,
        entities_path=config.gu1_entities_path,
        concurrency=config.gu1_concurrency,
        on_call=metrics.gu1_call,
        egress_proxy=config.egress_proxy,
    )
