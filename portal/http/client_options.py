"""What the HTTP clients have in common."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from portal.domain.egress_proxy import EgressProxy
from portal.http.connection_pool import tls_context
from portal.http.retry_after import read_retry_after

HttpTransport = httpx.AsyncBaseTransport
"""What sends a client's requests; tests bring their own."""


def proxy_of(egress: EgressProxy) -> httpx.Proxy:
    return httpx.Proxy(egress.url, auth=egress.user, ssl_context=tls_context() if egress.is_tls else None)


def retry_after(response: httpx.Response, *, most: float) -> float | None:
    """Seconds, at most `most`; None if the header is missing, past or unreadable."""
    return read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC), most=most)
