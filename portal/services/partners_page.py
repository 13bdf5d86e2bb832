"""A start at a partner's page, without its backend."""

from __future__ import annotations

from dataclasses import dataclass, replace

from portal.domain.onboarding import START_PREFIX, Onboarding


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnersPage:
    partner: str
    prefix: str | None
    """Of the customer's id at gu1."""
    return_url: str | None
    starts_per_day: int | None

    def owns(self, fresh: Onboarding) -> Onboarding:
        external_id = f"{START_PREFIX}{fresh.id}"
        return replace(
            fresh,
            partner=self.partner,
            external_id=external_id,
            known_as=None if self.prefix is None else self.prefix + external_id,
            return_url=self.return_url,
        )
