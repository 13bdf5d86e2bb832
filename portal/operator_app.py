"""The composition root of the operator's page, which runs in a process of its own."""

from __future__ import annotations

import asyncio
from typing import cast

from flask import Flask

from portal.app import create_app, utc_now
from portal.config import Config
from portal.domain.onboarding import Onboarding
from portal.gu1.client import make_gu1
from portal.services.operator_actions import Operator
from portal.services.ports import Clock
from portal.store.clock import DatabaseClock
from portal.store.database import engine_of
from portal.store.outbox import Outbox
from portal.store.overview import OverviewReader, figures_of
from portal.web.context import Portal
from portal.web.flask_app import folder
from portal.web.operator.application import make_operator_app
from portal.web.operator.operator_services import OperatorServices

PLOTTED_DAYS = 14


def operator_app(config: Config, *, clock: Clock = utc_now) -> Flask:
    database = engine_of(config)
    here: Portal = create_app(config, clock=clock).extensions["portal"]
    overview = OverviewReader(database)
    cast(DatabaseClock, here.clock).set()

    def sync(onboarding_id: str, operator: Operator) -> Onboarding:
        async def run() -> Onboarding:
            gu1 = make_gu1(config, here.metrics)
            try:
                return await here.operator_actions.sync(onboarding_id, operator, gu1)
            finally:
                await gu1.aclose()

        return asyncio.run(run())

    return make_operator_app(
        OperatorServices(
            actions=here.operator_actions,
            outbox=Outbox(database),
            clock=here.clock,
            sync=sync,
            figures=lambda now: figures_of(overview.read_queue(now), now),
            stages_by_day=lambda now: overview.stages_by_day(now, days=PLOTTED_DAYS),
        ),
        config.operator_token,
        folder("templates"),
        here.refusals.count,
    )
