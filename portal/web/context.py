"""What the doors need of the portal behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from portal.config import Config
from portal.metrics import Metrics
from portal.partners import Registry
from portal.services.customers import Customers
from portal.services.onboardings import Onboardings
from portal.services.ports import Clock, ReadNews
from portal.services.webhooks import Webhooks
from portal.web.links import Links, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    config: Config
    onboardings: Onboardings
    customers: Customers
    partners: Registry
    webhooks: Webhooks
    links: Links
    tokens: Tokens
    clock: Clock
    metrics: Metrics
    read_news: ReadNews
    check_ready: Callable[[], None]
    """Raises `StoreUnavailable`."""


def portal() -> Portal:
    return cast(Portal, current_app.extensions["portal"])
