"""The parts of one mock, as its routes see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from flask import Response, current_app, jsonify, request

from e2e.mock_gu1.api_variants import ApiVariant, CurrentVariant
from e2e.mock_gu1.availability import Availability
from e2e.mock_gu1.clock import Agenda
from e2e.mock_gu1.faults import Faults
from e2e.mock_gu1.lifecycle import Lifecycle
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.shapes import Shapes
from e2e.mock_gu1.state import State
from e2e.mock_gu1.webhooks import Webhooks

EXTENSION = "mock_gu1"
LAG = "mock_gu1.lag"
"""Key in the environ: by how many seconds a read is out of date."""


@dataclass(frozen=True, slots=True)
class Mock:
    settings: Settings
    variants: CurrentVariant
    agenda: Agenda
    state: State
    availability: Availability
    shapes: Shapes
    webhooks: Webhooks
    lifecycle: Lifecycle
    faults: Faults

    @property
    def variant(self) -> ApiVariant:
        return self.variants.now

    def reset(self) -> None:
        """Restores the initial state."""
        for part in (self.agenda, self.variants, self.state, self.availability, self.webhooks, self.faults):
            part.reset()


def current_mock() -> Mock:
    return cast("Mock", current_app.extensions[EXTENSION])


def answer(body: Any) -> Response:
    """The response as gu1 writes it in the current variant."""
    return jsonify(current_mock().shapes.dressed(body))


def lag() -> float:
    return float(request.environ.get(LAG, 0))
