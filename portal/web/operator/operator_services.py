"""What the operator's page needs; kept in `app.extensions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from portal.domain.onboarding import Onboarding
from portal.services.operator_actions import Operator, OperatorActions
from portal.services.ports import Clock, Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorServices:
    actions: OperatorActions
    outbox: Outbox
    clock: Clock
    sync: Callable[[str, Operator], Onboarding]
    """Has gu1 ask its provider. Raises `Gu1Error`."""
    figures: Callable[[datetime], dict[str, object]]
    """What is going on, by name."""
    stages_by_day: Callable[[datetime], dict[str, list[int]]]
    """For each stage how many onboardings came to it, by day; the last is today."""


def operator_services() -> OperatorServices:
    return cast(OperatorServices, current_app.extensions["operator_services"])
