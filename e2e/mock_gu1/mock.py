"""The parts of one mock, as its routes see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from e2e.mock_gu1.life import Life
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.state import State
from e2e.mock_gu1.webhooks import Webhooks

EXTENSION = "mock_gu1"


@dataclass(frozen=True, slots=True)
class Mock:
    settings: Settings
    state: State
    life: Life
    webhooks: Webhooks


def current_mock() -> Mock:
    return cast("Mock", current_app.extensions[EXTENSION])
