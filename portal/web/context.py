"""What the pages and endpoints need; kept in `app.extensions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from portal.config import Config
from portal.metrics import Metrics
from portal.partners.registry import Registry
from portal.services.backend_test import BackendTest
from portal.services.erasure_requests import ErasureRequests
from portal.services.measured_waits import MeasuredWaits
from portal.services.onboardings import Onboardings
from portal.services.operator_actions import OperatorActions
from portal.services.partner_changes import PartnerChanges
from portal.services.partner_onboardings import PartnerOnboardings
from portal.services.phone_handover import PhoneHandover
from portal.services.ports import Clock, PollState
from portal.services.webhook_handler import WebhookHandler
from portal.web.links import AccessLinks, FormTokens, MailKeys
from portal.web.refusals import Refusals
from portal.web.request_limits import RequestLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    config: Config
    onboardings: Onboardings
    partner_onboardings: PartnerOnboardings
    partner_changes: PartnerChanges
    backend_test: BackendTest
    operator_actions: OperatorActions
    erasure_requests: ErasureRequests
    partners: Registry
    webhooks: WebhookHandler
    waits: MeasuredWaits
    phone_handover: PhoneHandover
    access_links: AccessLinks
    form_tokens: FormTokens
    mail_keys: MailKeys
    stop_mails: Callable[[str, datetime], object]
    """Of this onboarding, if there are any."""
    clock: Clock
    metrics: Metrics
    refusals: Refusals
    request_limits: RequestLimits
    release: str
    """Changes with the code, the settings and the partners file: pages made before are polled as changed."""
    poll_states_nonblocking: Callable[[Sequence[str]], Mapping[str, PollState]]
    """By id, of those that exist. Raises `WouldBlock` while the database is slow."""
    check_ready: Callable[[], None]
    """Raises `StoreUnavailable`."""


def portal() -> Portal:
    return cast(Portal, current_app.extensions["portal"])
