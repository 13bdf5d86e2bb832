"""Deliveries that take no thread and are answered without Flask: repeated ones, and whole rows of our validations."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from portal.domain.errors import Malformed, StoreUnavailable
from portal.gu1.signed_webhook import is_signed, parse_webhook
from portal.services.request_ids import part_of_request
from portal.services.webhook_handler import fingerprint_of
from portal.web.context import Portal
from portal.web.response_cache import CacheableResponse
from portal.web.timed_requests import BEGAN

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

WEBHOOK_PATH = "/webhooks/gu1"
DELIVERY = "portal.delivery"
"""In the WSGI environment of a signed delivery: its `Delivery`."""
APPLIED, REPEATED, NOT_KEPT = "applied", "repeated", "not_kept"
LONGEST = 64 * 1024
"""Bytes whose signature is computed on the event loop, where that takes up to a tenth of a millisecond."""
_REQUEST_ID = "HTTP_X_REQUEST_ID"


@dataclass(slots=True)
class Delivery:
    body: bytes
    fingerprint: str
    is_welcome: bool = False
    """The application would take it: its method, host and all else are right."""
    outcome: str | None = None
    """None until it was dealt with."""


def signed_delivery(environ: WSGIEnvironment, here: Portal) -> Delivery | None:
    """None of what is anything else, unusual or forged, so that only gu1 can cause a read.

    Whether the body is JSON makes no difference: one that is not is never stored.
    """
    if environ["PATH_INFO"] != WEBHOOK_PATH or environ["QUERY_STRING"]:
        return None
    read = environ["wsgi.input"]
    body = read.getvalue() if isinstance(read, BytesIO) else b""
    if len(body) > LONGEST or environ.get("CONTENT_LENGTH") != str(len(body)):
        return None
    is_genuine = is_signed(body, environ.get("HTTP_X_WEBHOOK_SIGNATURE"), here.config.gu1_webhook_secrets)
    return Delivery(body, fingerprint_of(body)) if is_genuine else None


async def apply_welcome(environ: WSGIEnvironment, here: Portal) -> bool:
    """Applies a welcome delivery that is not repeated; False if there is none, or a thread has to deal with it."""
    delivery: Delivery | None = environ.get(DELIVERY)
    if delivery is None or not delivery.is_welcome or delivery.outcome:
        return False
    signature = environ.get("HTTP_X_WEBHOOK_SIGNATURE")
    try:
        webhook = parse_webhook(delivery.body, signature, here.config.gu1_webhook_secrets)
    except Malformed:
        return False
    if webhook is None or webhook.observation is None:
        return False
    environ[BEGAN] = time.perf_counter()
    try:
        with part_of_request(environ.get(_REQUEST_ID)) as request_id:
            environ[_REQUEST_ID] = request_id  # of the answer too
            applying = asyncio.wrap_future(here.webhooks.apply_soon(webhook.observation, delivery.fingerprint))
        delivery.outcome = None if await applying is None else APPLIED
    except StoreUnavailable:
        delivery.outcome = NOT_KEPT
    except Exception:
        return False  # a thread tries again, and reports it
    return delivery.outcome == APPLIED


def recognise(environ: WSGIEnvironment, here: Portal) -> CacheableResponse | None:
    """What `receive` answers, for `ResponseCache`.

    Only what comes as far as here may take effect: `ResponseCache` asks about nothing that Flask would refuse.
    """
    delivery: Delivery | None = environ.get(DELIVERY)
    if delivery is None:
        return None
    delivery.is_welcome = True
    if delivery.outcome not in {APPLIED, REPEATED}:
        return None
    count = partial(here.metrics.count, "webhooks", outcome=delivery.outcome)
    return CacheableResponse(f"{delivery.outcome} webhook", here.release, besides=count)
