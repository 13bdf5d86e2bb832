"""Against a real server that counts its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from portal.http import connection_pool
from portal.http.connection_pool import ConnectionPool

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    def __init__(self) -> None:
        self.connections = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.02)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


@asynccontextmanager
async def a_server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    yield server
    listening.close()


async def until_open(server: Server, number: int) -> None:
    async with asyncio.timeout(5):
        while len(server.open) != number:
            await asyncio.sleep(0.001)


async def answers(client: httpx.AsyncClient, server: Server, *, at_once: int) -> set[str]:
    return {it.text for it in await asyncio.gather(*(client.get(server.url) for _ in range(at_once)))}


def test_as_many_connections_as_requests_at_once_and_no_more() -> None:
    async def run() -> None:
        async with a_server() as server, httpx.AsyncClient(transport=ConnectionPool(8), trust_env=False) as client:
            for _ in range(3):
                assert await answers(client, server, at_once=5) == {"ok"}
            assert server.connections == 5
            await client.aclose()
            await until_open(server, 0)

    asyncio.run(run())


@pytest.mark.asvs("1.4.3")
@pytest.mark.parametrize("kept", [0, 2])
def test_only_so_many_idle_connections_are_kept(kept: int) -> None:
    async def run() -> None:
        async with a_server() as server, httpx.AsyncClient(transport=ConnectionPool(kept), trust_env=False) as client:
            await answers(client, server, at_once=5)
            await until_open(server, kept)

    asyncio.run(run())


def test_idle_connections_are_closed_while_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_pool, "IDLE_SECONDS", 0.05)

    async def run() -> None:
        async with a_server() as server, httpx.AsyncClient(transport=ConnectionPool(8), trust_env=False) as client:
            await answers(client, server, at_once=5)
            for _ in range(5):
                await client.get(server.url)
            await until_open(server, 1)

    asyncio.run(run())


def test_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network may have forgotten it without a word, and a request would wait until its deadline."""
    monkeypatch.setattr(connection_pool, "IDLE_SECONDS", 0.05)

    async def run() -> None:
        async with a_server() as server, httpx.AsyncClient(transport=ConnectionPool(8), trust_env=False) as client:
            await client.get(server.url)
            await asyncio.sleep(0.2)
            await client.get(server.url)
            assert server.connections == 2

    asyncio.run(run())


def test_connection_that_the_server_closed_is_replaced() -> None:
    async def run() -> None:
        async with a_server() as server, httpx.AsyncClient(transport=ConnectionPool(8), trust_env=False) as client:
            await client.get(server.url)
            for writer in set(server.open):
                writer.close()
            await until_open(server, 0)
            assert await answers(client, server, at_once=1) == {"ok"}
            assert server.connections == 2

    asyncio.run(run())


@pytest.mark.asvs("1.4.3")
def test_cancelled_request_gives_its_connection_up() -> None:
    async def run() -> None:
        async with a_server() as server, httpx.AsyncClient(transport=ConnectionPool(8), trust_env=False) as client:
            request = asyncio.create_task(client.get(server.url))
            await until_open(server, 1)
            request.cancel()
            await until_open(server, 0)
            assert await answers(client, server, at_once=1) == {"ok"}

    asyncio.run(run())
