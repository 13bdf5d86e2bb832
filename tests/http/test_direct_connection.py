"""Against servers that say anything, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

import httpx
import pytest

from portal.http.direct_connection import DirectConnection
from tests.gu1.certificates import a_self_signed_certificate
from tests.gu1.raw_server import Behaviour, hang, raw_server, read_request, reset, saying
from tests.ports import free_port

T = TypeVar("T")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANOTHERS = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nanothers"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT_OFF = (httpx.RemoteProtocolError, httpx.ReadError)


def with_server(behave: Behaviour, use: Callable[[str, DirectConnection], Awaitable[T]]) -> T:
    async def run() -> T:
        connection = DirectConnection(no_tls)
        async with raw_server(behave) as address:
            try:
                return await use(address, connection)
            finally:
                await connection.aclose()

    return asyncio.run(run())


def no_tls() -> ssl.SSLContext:
    raise AssertionError("not for http")


async def answered(connection: DirectConnection, url: str, **request: object) -> bytes:
    asked = httpx.Request(**{"method": "GET", "url": url, **request})  # type: ignore[arg-type]
    response = await connection.handle_async_request(asked)
    try:
        return bytes(str(response.status_code), "ascii") + b" " + await response.aread()
    finally:
        await response.aclose()


async def answers_of(address: str, connection: DirectConnection, times: int = 1) -> list[bytes]:
    return [await answered(connection, f"http://{address}/") for _ in range(times)]


class Counting:
    """Gives each connection the next of some behaviours, and counts them."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await self.behaviours[min(self.connections, len(self.behaviours)) - 1](reader, writer)


def keeping(answer: bytes) -> Behaviour:
    """The same to each request, over one connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            writer.write(answer)
            await writer.drain()

    return behave


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (OK, b"200 ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"204 "),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\n",
            b"200 abc",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK, b"200 ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"200 until the end"),
        (b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n", b"503 "),
    ],
)
def test_every_kind_of_answer_is_read(answer, read):
    assert with_server(saying(answer), answers_of) == [read]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        OK[:-1],
        CHUNKED + b"5\r\nab",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
)
def test_answer_that_is_cut_off_or_none_at_all_is_an_error_of_the_server(answer):
    with pytest.raises(CUT_OFF):
        with_server(saying(answer), answers_of)


def test_connection_that_is_reset_is_an_error_of_the_server():
    with pytest.raises(CUT_OFF):
        with_server(reset, answers_of)


def test_requests_go_one_after_another_over_one_connection():
    server = Counting(keeping(OK))
    assert with_server(server, lambda *where: answers_of(*where, times=3)) == [b"200 ok"] * 3
    assert server.connections == 1


@pytest.mark.parametrize("close", [b"Connection: close\r\n", b"connection: x, CLOSE\r\n"])
def test_connection_that_the_server_ends_is_not_used_again(close):
    server = Counting(keeping(OK.replace(b"\r\n\r\n", b"\r\n" + close + b"\r\n")))
    assert with_server(server, lambda *where: answers_of(*where, times=2)) == [b"200 ok"] * 2
    assert server.connections == 2


@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_bytes_after_an_answer_do_not_pass_for_the_next(pause):
    async def says_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await asyncio.sleep(pause)
        writer.write(ANOTHERS)
        await reader.read()

    async def twice(address: str, connection: DirectConnection) -> list[bytes]:
        first = await answers_of(address, connection)
        await asyncio.sleep(2 * pause)
        return first + await answers_of(address, connection)

    server = Counting(says_more, keeping(OK))
    assert with_server(server, twice) == [b"200 ok"] * 2
    assert server.connections == 2


@pytest.mark.parametrize("more", [ANOTHERS, b""], ids=["bytes", "end"])
def test_what_came_while_the_loop_was_busy_counts_as_well(more):
    """With everything in another thread, as gu1 is in another process."""
    listener = socket.create_server(("127.0.0.1", 0))
    first_is_over, said_more = Event(), Event()

    def serve() -> None:
        with listener.accept()[0] as one:
            one.recv(65536)
            one.sendall(OK)
            first_is_over.wait()
            one.sendall(more)
            if not more:
                one.shutdown(socket.SHUT_WR)
            said_more.set()
            with listener.accept()[0] as other:
                other.recv(65536)
                other.sendall(OK)

    server = Thread(target=serve, daemon=True)
    server.start()

    async def twice() -> list[bytes]:
        url, connection = f"http://127.0.0.1:{listener.getsockname()[1]}/", DirectConnection(no_tls)
        first = await answered(connection, url)
        first_is_over.set()
        said_more.wait()  # keeps the loop busy
        try:
            return [first, await answered(connection, url)]
        finally:
            await connection.aclose()

    assert asyncio.run(twice()) == [b"200 ok"] * 2
    server.join()
    listener.close()


def test_server_that_never_stops_talking_is_cut_off():
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(OK)
        while sent < 50_000_000:
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async def once(address: str, connection: DirectConnection) -> None:
        await answers_of(address, connection)
        await asyncio.sleep(0.2)

    with_server(talk, once)
    assert sent < 10_000_000


def test_server_with_nothing_but_preliminary_answers_is_an_error():
    with pytest.raises(httpx.RemoteProtocolError):
        with_server(saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK), answers_of)


def test_international_name_is_looked_up_in_its_ascii_form(monkeypatch):
    """Python's own form of `straße` is `strasse`, which is somebody else's name."""
    asked: list[str] = []

    async def look_up(_loop: object, _protocol: object, host: str, *_more: object, **_options: object) -> None:
        asked.append(host)
        raise OSError("no such host")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", look_up)

    async def run() -> None:
        with pytest.raises(httpx.ConnectError):
            await DirectConnection(no_tls).handle_async_request(httpx.Request("GET", "http://straße.example/"))

    asyncio.run(run())
    assert asked == ["xn--strae-oqa.example"]


@pytest.mark.parametrize("url", [f"http://{'a' * 70}.example/", "http://a..b/", "http://127.0.0.1:99999/"])
def test_address_that_cannot_be_is_one_that_nothing_was_sent_to(url):
    async def run() -> None:
        await DirectConnection(no_tls).handle_async_request(httpx.Request("GET", url))

    with pytest.raises(httpx.ConnectError):
        asyncio.run(run())


def test_answer_that_nobody_read_to_its_end_does_not_pass_for_the_next():
    async def twice(address: str, connection: DirectConnection) -> list[bytes]:
        unread = await connection.handle_async_request(httpx.Request("GET", f"http://{address}/"))
        await unread.aclose()
        return await answers_of(address, connection)

    server = Counting(keeping(ANOTHERS), keeping(OK))
    assert with_server(server, twice) == [b"200 ok"]
    assert server.connections == 2


def test_another_server_gets_a_connection_of_its_own():
    async def both(address: str, connection: DirectConnection) -> list[bytes]:
        async with raw_server(keeping(ANOTHERS)) as other:
            return [*await answers_of(address, connection), *await answers_of(other, connection)]

    assert with_server(keeping(OK), both) == [b"200 ok", b"200 anothers"]


def test_request_is_sent_as_it_is():
    seen: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)

    async def post(address: str, connection: DirectConnection) -> bytes:
        return await answered(
            connection, f"http://{address}/a?b=c%20d", method="POST", content=b"{}", headers={"X": "1"}
        )

    assert with_server(behave, post) == b"200 ok"
    head, body = seen[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /a?b=c%20d HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 2" in head and b"\r\nX: 1" in head
    assert body == b"{}"


def test_header_that_cannot_be_sent_is_an_error_of_ours():
    async def post(address: str, connection: DirectConnection) -> bytes:
        return await answered(connection, f"http://{address}/", headers={b"X": b"a\r\nb"})

    with pytest.raises(httpx.LocalProtocolError):
        with_server(keeping(OK), post)


@pytest.mark.parametrize(("timeout", "error"), [(5.0, httpx.ConnectError), (0.0, httpx.ConnectTimeout)])
def test_whoever_cannot_connect_has_surely_sent_nothing(timeout, error):
    async def run() -> None:
        request = httpx.Request(
            "POST", f"http://127.0.0.1:{free_port()}/", extensions={"timeout": {"connect": timeout}}
        )
        await DirectConnection(no_tls).handle_async_request(request)

    with pytest.raises(error):
        asyncio.run(run())


def over_tls(folder: Path, certified: str) -> bytes:
    """By name, so that several addresses may be tried."""
    pem = a_self_signed_certificate(folder, certified)
    ours = ssl.create_default_context(cafile=str(pem))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pem)

    async def run() -> bytes:
        async with raw_server(keeping(OK), theirs) as address:
            connection, port = DirectConnection(lambda: ours), address.rpartition(":")[2]
            try:
                return await answered(connection, f"https://localhost:{port}/")
            finally:
                await connection.aclose()

    return asyncio.run(run())


def test_certificate_of_the_name_is_trusted(tmp_path):
    assert over_tls(tmp_path, "localhost") == b"200 ok"


def test_certificate_of_another_name_is_not(tmp_path):
    with pytest.raises(httpx.ConnectError, match="certificate"):
        over_tls(tmp_path, "elsewhere.example")


def test_whoever_stops_waiting_closes_the_connection():
    async def stop(address: str, connection: DirectConnection) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await answers_of(address, connection)
        await asyncio.wait_for(ended.wait(), 5)

    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hang(reader, writer)
        ended.set()

    with_server(behave, stop)
