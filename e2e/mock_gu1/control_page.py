"""The control page: validations with a button per outcome, and a form for every switch. No JavaScript."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.clock import iso
from e2e.mock_gu1.kinds import KINDS
from e2e.mock_gu1.ledger import ledger
from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.operations import ANY, OPERATIONS
from e2e.mock_gu1.outcomes import FOR_OPERATORS
from e2e.mock_gu1.webhook_faults import FORGERIES

control_page = Blueprint("control_page", __name__)

MOST_SHOWN = 100
LATEST_DELIVERIES = 20


@control_page.get("/")
def overview() -> ResponseReturnValue:
    mock = current_mock()
    rows = mock.state.validations()
    return render_template(
        "overview.html",
        now=iso(mock.state.now()),
        rows=[(row, mock.state.entity(row.entity_id)) for row in rows[:MOST_SHOWN]],
        hidden=max(0, len(rows) - MOST_SHOWN),
        ledger=ledger(rows),
        is_down=mock.availability.is_down(),
        outcomes=FOR_OPERATORS,
        variant=(variant := mock.variants.described()),
        changes=sum(switch["value"] != switch["default"] for switch in variant.values()),
        faults=mock.faults.listed(),
        kinds=KINDS.values(),
        operations=(ANY, *OPERATIONS),
        webhook_faults=mock.webhooks.faults.described(),
        forgeries=FORGERIES,
        deliveries=mock.webhooks.deliveries()[: -LATEST_DELIVERIES - 1 : -1],
    )
