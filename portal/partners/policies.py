"""The policy for an onboarding: its partner's settings if there are any, otherwise the operator's."""

from __future__ import annotations

from dataclasses import replace

from portal.config import Config
from portal.domain.onboarding import Onboarding
from portal.partners.registry import Registry, UnknownIdentity
from portal.services.validation_plan import Policy


class Policies:
    def __init__(self, config: Config, partners: Registry) -> None:
        self._default = Policy(
            max_attempts=config.max_attempts,
            attempts_window=config.attempts_window,
            double_check_renaper=config.gu1_double_check_renaper,
            is_live=not config.has_sandbox_key,
        )
        self._partners = partners

    def policy_for(self, onboarding: Onboarding) -> Policy:
        partner = self._partners.get(onboarding.partner)
        if partner is None:
            return self._default
        return replace(
            self._default,
            max_attempts=partner.max_attempts or self._default.max_attempts,
            double_check_renaper=self._default.double_check_renaper if partner.renaper is None else partner.renaper,
            integration_code=partner.integration_code,
            requires_identity=partner.unknown_identity is UnknownIdentity.HOLD,
        )
