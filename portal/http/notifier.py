"""Delivers notifications to partners' backends: one POST each, and any failure is only an outcome.

A backend is not trusted: it may never respond, respond with anything, or never stop. No outcome contains an address
or a body.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread

import httpx

from portal.domain.egress_proxy import EgressProxy
from portal.http.client_options import proxy_of, retry_after
from portal.http.connection_pool import tls_context
from portal.http.plain_client import PlainClient
from portal.services.notification import DeliveryResult

Lookup = Callable[[str, int], Sequence[str]]
"""Resolves host and port to addresses, best first. Blocks. Raises `OSError`."""

_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "Content-Type": "application/json",
    "User-Agent": "kyc-onboarding-portal",
}
_MAX_RETRY_AFTER = 86400.0
_MOST_ADDRESSES = 4


def _look_up(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _family, _type, _protocol, _name, address in found]


class HttpNotifier:
    """May be created in any thread, but belongs to the event loop that first uses it."""

    def __init__(
        self,
        *,
        deadline: float = 15.0,
        connect_timeout: float = 5.0,
        most_bytes: int = 4096,
        look_up: Lookup = _look_up,
        egress_proxy: EgressProxy | None = None,
    ) -> None:
        """`deadline`: seconds for a whole attempt. No more than `most_bytes` of a response body are read."""
        self._deadline = deadline
        self._most_bytes = most_bytes
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        direct = _ResolvingTransport(_Resolver(look_up), httpx.AsyncHTTPTransport(verify=tls_context(), limits=limits))
        proxied = egress_proxy and httpx.AsyncHTTPTransport(
            verify=tls_context(), limits=limits, proxy=proxy_of(egress_proxy)
        )
        self._client = PlainClient(
            _WayOut(egress_proxy, proxied, direct) if egress_proxy and proxied else direct,
            headers=_HEADERS,
            timeout=deadline,
            connect_timeout=connect_timeout,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryResult:
        result: DeliveryResult | None = None
        try:
            async with asyncio.timeout(self._deadline):
                async with self._client.stream("POST", url, content=body, headers=headers) as response:
                    result = DeliveryResult(response.status_code, retry_after(response, most=_MAX_RETRY_AFTER))
                    await self._drain(response)
        except Exception as error:  # anything that a backend can cause; its message may quote the address
            return result or DeliveryResult(failure=_describe(error))
        return result

    async def _drain(self, response: httpx.Response) -> None:
        """Reads a short body to its end, so that the backend sees a normal close. Never decompresses."""
        left = self._most_bytes
        async for chunk in response.aiter_raw(self._most_bytes):
            left -= len(chunk)
            if left <= 0:
                return


class _WayOut(httpx.AsyncBaseTransport):
    """Sends through the egress proxy or past it. The proxy resolves names itself: its allow-list has names."""

    def __init__(self, proxy: EgressProxy, proxied: httpx.AsyncBaseTransport, direct: httpx.AsyncBaseTransport) -> None:
        self._proxy = proxy
        self._proxied = proxied
        self._direct = direct

    async def aclose(self) -> None:
        await self._proxied.aclose()
        await self._direct.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_proxied = self._proxy.is_for(request.url.raw_host.decode("ascii"))
        return await (self._proxied if is_proxied else self._direct).handle_async_request(request)


class _ResolvingTransport(httpx.AsyncBaseTransport):
    """Resolves names with `_Resolver` and connects to the address; Host and certificate stay those of the name.

    httpx would resolve the name in the thread pool that everything shares.
    """

    def __init__(self, resolver: _Resolver, transport: httpx.AsyncBaseTransport) -> None:
        self._resolver = resolver
        self._transport = transport

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Tries the addresses in turn until one connects."""
        addresses = await self._resolver.resolve(request.url)
        extensions = request.extensions | {"sni_hostname": request.url.raw_host.decode("ascii")}
        for address in addresses:
            url = request.url.copy_with(host=address)
            addressed = httpx.Request(
                request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
            )
            try:
                return await self._transport.handle_async_request(addressed)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                last_error = error
        raise last_error


class _Resolver:
    """Resolves host names in daemon threads of its own, at most one per host and port.

    A name server that does not respond blocks its thread for longer than any deadline. In the shared thread pool, a
    few of those would block everything, and they would keep the process from exiting.
    """

    def __init__(self, look_up: Lookup) -> None:
        self._look_up = look_up
        self._under_way: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def resolve(self, url: httpx.URL) -> list[str]:
        """At least one address. Raises `OSError` and anything else that the lookup raises."""
        key = (url.raw_host.decode("ascii"), url.port or (80 if url.scheme == "http" else 443))
        pending = self._under_way.get(key)
        if pending is None:
            pending = self._under_way[key] = asyncio.get_running_loop().create_future()
            try:
                Thread(target=self._work, args=(key, pending.get_loop()), name="resolver", daemon=True).start()
            except Exception as error:  # no new thread possible
                self._end(key, error)
        return await asyncio.shield(pending)

    def _work(self, key: tuple[str, int], loop: asyncio.AbstractEventLoop) -> None:
        found: list[str] | Exception
        try:
            found = _in_order(self._look_up(*key))
        except Exception as error:
            found = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._end, key, found or socket.gaierror(socket.EAI_NONAME))

    def _end(self, key: tuple[str, int], found: list[str] | Exception) -> None:
        pending = self._under_way.pop(key)
        if isinstance(found, list):
            pending.set_result(found)
            return
        pending.set_exception(found)
        pending.exception()  # marks it as seen: those who waited may be gone


def _in_order(addresses: Sequence[str]) -> list[str]:
    """The best, then those of the other IP version: often a whole version is unreachable."""
    first, *others = dict.fromkeys(addresses) or [""]
    others.sort(key=lambda other: (":" in other) is (":" in first))
    return [first, *others][:_MOST_ADDRESSES] if first else []


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "host not found"
    if isinstance(error, httpx.ProxyError):
        return "refused by the proxy"
    if isinstance(error, httpx.ConnectError):
        return "certificate not trusted" if _is_about_certificate(error) else "no connection"
    return type(error).__name__


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


TEST_SECONDS = 5.0
"""For which a partner's test of its backend waits."""


def send_now(egress_proxy: EgressProxy | None, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryResult:
    """Beside the runner's own notifier, which belongs to its event loop."""

    async def send() -> DeliveryResult:
        notifier = HttpNotifier(deadline=TEST_SECONDS, connect_timeout=TEST_SECONDS, egress_proxy=egress_proxy)
        try:
            return await notifier.send(url, body, headers)
        finally:
            await notifier.aclose()

    return asyncio.run(send())
