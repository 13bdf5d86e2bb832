"""Requests and responses as httpx has them, without its client.

There are no cookies, redirects and hooks then: httpx's client spends a third of the time of a request on them, also
where they are switched off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from portal.http.client_options import HttpTransport
from portal.logs import keep_quiet

_USER_AGENT = {"User-Agent": f"python-httpx/{httpx.__version__}"}


class PlainClient:
    """Raises what the transport raises, and `httpx.InvalidURL`."""

    def __init__(
        self,
        transport: HttpTransport,
        *,
        headers: Mapping[str, str],
        timeout: float,
        connect_timeout: float,
        base_url: str = "",
    ) -> None:
        """Timeouts in seconds."""
        keep_quiet("httpcore.connection", "httpcore.http11", "httpcore.proxy")
        self._transport = transport
        self._headers = _USER_AGENT | dict(headers)
        self._base_url = base_url.rstrip("/")
        limits = httpx.Timeout(timeout, connect=connect_timeout, pool=connect_timeout)
        self._extensions = {"timeout": limits.as_dict()}

    async def aclose(self) -> None:
        await self._transport.aclose()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The response before its body was read. `url` follows the base URL; a name and password in it are sent."""
        try:
            request = httpx.Request(
                method,
                self._base_url + url,
                params=params,
                content=content,
                headers=self._headers | dict(headers or {}),
                extensions=self._extensions,
            )
        except UnicodeError:  # of a host like xn--a, which is no name in another script
            raise httpx.InvalidURL("the host is not a name") from None
        if request.url.userinfo:
            next(httpx.BasicAuth(request.url.username, request.url.password).auth_flow(request))
        response = await self._transport.handle_async_request(request)
        response.request = request
        try:
            yield response
        finally:
            await response.aclose()
