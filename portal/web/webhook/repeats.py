"""Deliveries that gu1 sends once more, which are answered without Flask: their body was stored before."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from portal.gu1.signed_webhook import is_signed
from portal.services.webhook_handler import fingerprint_of
from portal.web.context import Portal
from portal.web.response_cache import CacheableResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

WEBHOOK_PATH = "/webhooks/gu1"
REPEATED = "portal.repeated_webhook"
"""In the WSGI environment of a signed delivery whose body was stored before."""
LONGEST = 64 * 1024
"""Bytes whose signature is computed on the event loop, where that takes up to a tenth of a millisecond."""


def signed_delivery(environ: WSGIEnvironment, here: Portal) -> str | None:
    """Its fingerprint; None of what is anything else, unusual or forged, so that only gu1 can cause a read.

    Whether the body is JSON makes no difference: one that is not is never stored.
    """
    if environ["PATH_INFO"] != WEBHOOK_PATH or environ["QUERY_STRING"]:
        return None
    read = environ["wsgi.input"]
    body = read.getvalue() if isinstance(read, BytesIO) else b""
    if len(body) > LONGEST or environ.get("CONTENT_LENGTH") != str(len(body)):
        return None
    is_genuine = is_signed(body, environ.get("HTTP_X_WEBHOOK_SIGNATURE"), here.config.gu1_webhook_secrets)
    return fingerprint_of(body) if is_genuine else None


def repeated(environ: WSGIEnvironment, here: Portal) -> CacheableResponse | None:
    """What `receive` answers them, for `ResponseCache`."""
    if REPEATED not in environ:
        return None
    count = partial(here.metrics.count, "webhooks", outcome="repeated")
    return CacheableResponse("repeated webhook", here.release, besides=count)
