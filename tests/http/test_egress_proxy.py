"""Against real proxies: who gets what, and what is never sent."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portal.domain.egress_proxy import EgressProxy
from portal.domain.errors import NotSent
from portal.http import client_options, connection_pool, notifier
from portal.http.notifier import HttpNotifier
from portal.services.notification import DeliveryResult
from tests.gu1.certificates import a_self_signed_certificate
from tests.gu1.clients import READS, WRITES, a_client
from tests.gu1.raw_server import hang, raw_server, read_request, saying
from tests.gu1.rows import a_row

GU1, SHOP = "gu1.example", "shop.example"
PASSWORD = "se:cret/é"


class Tunnel:
    """A proxy that keeps what it is asked and leads to one server, whatever name it is asked for."""

    def __init__(self, to: str) -> None:
        self.asked: list[bytes] = []
        self.passed = b""
        self._host, self._port = to.split(":")

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await read_request(reader))
        there, back = await asyncio.open_connection(self._host, self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            back.close()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            self.passed += data
            target.write(data)
            await target.drain()
        target.close()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for every name here, which the portal trusts."""
    pem = a_self_signed_certificate(tmp_path, GU1, SHOP)
    ours = ssl.create_default_context(cafile=str(pem))
    for module in (client_options, connection_pool, notifier):
        monkeypatch.setattr(module, "tls_context", lambda: ours)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server


class Served:
    def __init__(self, body: bytes) -> None:
        self.requests: list[bytes] = []
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.requests.append(await read_request(reader))
            writer.write(self._answer)
            await writer.drain()


def an_egress(proxy: str, *direct: str, scheme: str = "http") -> EgressProxy:
    return EgressProxy.parsed(f"{scheme}://portal:se%3Acret%2F%C3%A9@{proxy}", direct)


def run(trusted: ssl.SSLContext, use: Callable[[EgressProxy], Awaitable[Any]], body: bytes = b"", **proxy: Any) -> Any:
    """The tunnel, the server behind it and what came of `use`."""

    async def all_of_it() -> Any:
        served = Served(body)
        async with raw_server(served, trusted) as server:
            tunnel = Tunnel(server)
            async with raw_server(tunnel, proxy.get("tls")) as address:
                result = await use(an_egress(address, scheme="https" if proxy else "http"))
        return tunnel, served, result

    return asyncio.run(all_of_it())


async def read_from_gu1(egress: EgressProxy) -> object:
    client = a_client(f"https://{GU1}", egress_proxy=egress)
    try:
        return [await READS["read_validation"](client) for _ in range(2)]
    finally:
        await client.aclose()


def notify(*urls: str, look_up: Any = None) -> Callable[[EgressProxy], Awaitable[DeliveryResult]]:
    async def use(egress: EgressProxy) -> DeliveryResult:
        sender = HttpNotifier(deadline=2, connect_timeout=2, egress_proxy=egress, look_up=look_up or no_look_up)
        try:
            return [await sender.send(url, b"{}", {}) for url in urls][-1]
        finally:
            await sender.aclose()

    return use


def no_look_up(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host}:{port} was looked up here")


@pytest.mark.parametrize("proxy_has_tls", [False, True])
def test_gu1_is_reached_through_the_proxy_which_sees_no_key(trusted: ssl.SSLContext, proxy_has_tls: bool) -> None:
    proxy = {"tls": trusted} if proxy_has_tls else {}
    tunnel, served, _ = run(trusted, read_from_gu1, json.dumps(a_row()).encode(), **proxy)
    (asked,) = tunnel.asked  # one tunnel for both reads
    assert asked.startswith(b"CONNECT gu1.example:443 HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic " + b64encode(f"portal:{PASSWORD}".encode()) in asked
    assert b"gk_secret" not in asked + tunnel.passed
    assert len(served.requests) == 2 and all(b"gk_secret" in it for it in served.requests)
    assert not any(b"proxy-authorization" in it.lower() for it in served.requests)


def test_partners_names_are_left_to_the_proxy(trusted: ssl.SSLContext) -> None:
    tunnel, served, result = run(trusted, notify(f"https://{SHOP}:8443/hook"))
    assert result == DeliveryResult(200) and len(served.requests) == 1
    assert tunnel.asked[0].startswith(b"CONNECT shop.example:8443 HTTP/1.1\r\n")


@pytest.mark.parametrize("call", [*READS, *WRITES])
@pytest.mark.parametrize("status", [403, 407, 502])
def test_what_a_proxy_refuses_was_never_sent(call: str, status: int) -> None:
    async def all_of_it() -> None:
        refusal = b"HTTP/1.1 %d hush hush\r\nContent-Length: 4\r\n\r\nhush" % status
        async with raw_server(saying(refusal)) as address:
            client = a_client(f"https://{GU1}", egress_proxy=an_egress(address))
            try:
                with pytest.raises(NotSent, match=rf"the egress proxy answered {status}$"):
                    await (READS | WRITES)[call](client)
            finally:
                await client.aclose()

    asyncio.run(all_of_it())


@pytest.mark.long
def test_proxy_that_is_away_refuses_or_hangs_is_only_an_outcome(trusted: ssl.SSLContext) -> None:
    async def through(behave: Any) -> DeliveryResult:
        async with raw_server(behave) as address:
            return await notify(f"https://{SHOP}/hook")(an_egress(address))

    assert asyncio.run(through(saying(b"HTTP/1.1 407 No\r\n\r\n"))).failure == "refused by the proxy"
    assert asyncio.run(through(hang)).failure == "timed out"
    assert asyncio.run(notify(f"https://{SHOP}/hook")(an_egress("127.0.0.1:9"))).failure == "no connection"


@pytest.mark.parametrize("host", [SHOP, "127.0.0.1"])
def test_what_is_direct_goes_past_the_proxy(trusted: ssl.SSLContext, host: str) -> None:
    async def all_of_it() -> DeliveryResult:
        async with raw_server(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as address:
            url = f"http://{host}:{address.split(':')[1]}/hook"
            return await notify(url, look_up=lambda _host, _port: ["127.0.0.1"])(an_egress("127.0.0.1:9", SHOP))

    assert asyncio.run(all_of_it()) == DeliveryResult(204)


@pytest.mark.parametrize(
    ("direct", "host", "proxied"),
    [
        ("", "gu1.example", True),
        ("gu1.example", "gu1.example", False),
        ("GU1.example", "gu1.example", False),
        ("example", "gu1.example", False),
        (".example", "gu1.example", False),
        ("*.example", "gu1.example", False),
        ("u1.example", "gu1.example", True),
        ("españa.example", "www.xn--espaa-rta.example", False),
        ("10.0.0.0/8", "10.20.30.40", False),
        ("10.0.0.0/8", "11.20.30.40", True),
        ("10.0.0.0/8", "gu1.example", True),
        ("10.1.2.3", "10.1.2.3", False),
        ("fd00::/8", "fd12::1", False),
        ("[fd12::1]", "fd12::1", False),
        ("", "127.0.0.1", False),
        ("", "::1", False),
        ("", "localhost", False),
        ("", "gu1.localhost", False),
    ],
)
def test_who_is_reached_through_it(direct: str, host: str, proxied: bool) -> None:
    assert EgressProxy.parsed("http://proxy:3128", filter(None, [direct])).is_for(host) is proxied


@pytest.mark.parametrize(
    "url", ["proxy:3128", "socks5://proxy:1080", "http://", "http://a b:1", "http://u:hush@proxy:0", "http://p/hush"]
)
def test_what_is_no_proxy_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|is not)") as told:
        EgressProxy.parsed(url)
    assert "hush" not in str(told.value)


def test_password_stays_out_of_its_text() -> None:
    egress = EgressProxy.parsed("https://portal:hush@proxy:3128")
    assert egress.user == ("portal", "hush") and "hush" not in f"{egress!r}{egress}"
