"""How the portal makes HTTP clients: no cookies, no redirects, no proxy but the one that is set, quiet logs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from portal.domain.egress_proxy import EgressProxy
from portal.http.connection_pool import ConnectionPool, tls_context
from portal.http.retry_after import read_retry_after
from portal.logs import keep_quiet

HttpTransport = httpx.AsyncBaseTransport
"""What sends a client's requests; tests bring their own."""


def make_http_client(
    *,
    headers: Mapping[str, str],
    timeout: float,
    connect_timeout: float,
    base_url: str = "",
    transport: HttpTransport | None = None,
    kept_connections: int = 0,
    egress_proxy: EgressProxy | None = None,
) -> httpx.AsyncClient:
    """Timeouts in seconds.

    Unless a `transport` is given: `kept_connections` is how many idle ones stay open, and `egress_proxy` is used if it
    is for the host of `base_url`.
    """
    keep_quiet("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
    is_proxied = egress_proxy is not None and egress_proxy.is_for(httpx.URL(base_url).raw_host.decode("ascii"))
    proxy = proxy_of(egress_proxy) if egress_proxy and is_proxied else None
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(timeout, connect=connect_timeout, pool=connect_timeout),
        transport=transport or ConnectionPool(kept_connections, proxy),
        event_hooks={"response": [_forget_location]},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


def proxy_of(egress: EgressProxy) -> httpx.Proxy:
    return httpx.Proxy(egress.url, auth=egress.user, ssl_context=tls_context() if egress.is_tls else None)


def retry_after(response: httpx.Response, *, most: float) -> float | None:
    """Seconds, at most `most`; None if the header is missing, past or unreadable."""
    return read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC), most=most)


async def _forget_location(response: httpx.Response) -> None:
    # httpx parses this header even if it follows no redirects, and fails on some values.
    response.headers.pop("Location", None)
