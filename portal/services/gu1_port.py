"""Protocol of what the services ask gu1; implemented in `portal.gu1`, and by a fake in the tests."""

from __future__ import annotations

from typing import Protocol

from portal.domain.entity_status import EntityStatus
from portal.domain.existing_entity import ExistingEntity
from portal.domain.onboarding import Details
from portal.domain.validation import Listing, Observation


class Gu1(Protocol):
    """Every method raises only `Gu1Error`s."""

    @property
    def calls_allowed(self) -> int:
        """How many calls should run at once at the moment."""

    @property
    def is_failing(self) -> bool:
        """Nothing is sent for a while, because gu1 failed several times."""

    async def create_entity(self, details: Details, external_id: str) -> str:
        """The new entity's id. A duplicate is `Refused` with the existing `entity_id`."""

    async def find_entity(self, external_id: str) -> str | None: ...

    async def find_entity_by_tax_id(self, country: str, tax_id: str) -> str | None: ...

    async def read_entity(self, entity_id: str) -> ExistingEntity: ...

    async def change_tax_id(self, entity_id: str, tax_id: str) -> None:
        """Asks for it; only `read_entity` tells whether gu1 did it."""

    async def read_entity_status(self, entity_id: str) -> EntityStatus: ...

    async def create_validation(
        self,
        entity_id: str,
        *,
        double_check: bool,
        metadata: dict[str, str | int],
        integration_code: str | None = None,
    ) -> Observation:
        """The paid request; sent at most once per call.

        `integration_code`: None for the operator's default.
        """

    async def read_validation(self, gu1_id: str) -> Observation: ...

    async def sync_validation(self, gu1_id: str) -> Observation | None:
        """Makes gu1 ask the provider, free of charge; None if the answer does not contain the validation."""

    async def list_validations(self, entity_id: str) -> Listing: ...

    async def cancel_validation(self, gu1_id: str, reason: str) -> None: ...

    async def aclose(self) -> None: ...
