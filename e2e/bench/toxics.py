"""What a fault proxy does to an exchange. Bytes are counted from the first one of the head."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from e2e.bench.exchange import Exchange, Over
from e2e.bench.proxy import Toxic

REQUEST, ANSWER = "request", "answer"
CLIENT, SERVER = "client", "server"
_ARRIVAL = 0.05
"""Seconds for the other side to read before the connection ends."""


def latency(*, request: float = 0.0, answer: float = 0.0) -> Toxic:
    async def toxic(exchange: Exchange) -> None:
        await asyncio.sleep(request)
        await exchange.send(exchange.request)
        async for part in exchange.answer():
            await asyncio.sleep(answer)
            await exchange.give(part)

    return toxic


def drip(of: str = ANSWER, *, size: int = 1, interval: float = 0.05) -> Toxic:
    async def toxic(exchange: Exchange) -> None:
        async for part in _parts(exchange.request, size if of == REQUEST else len(exchange.request), interval):
            await exchange.send(part)
        async for part in exchange.answer():
            async for piece in _parts(part, size if of == ANSWER else len(part), interval):
                await exchange.give(piece)

    return toxic


def reset(of: str = ANSWER, *, after: int = 0) -> Toxic:
    """Resets both connections after this many bytes."""

    async def toxic(exchange: Exchange) -> None:
        await _up_to(exchange, of, after)
        await asyncio.sleep(_ARRIVAL)
        exchange.reset()

    return toxic


def truncate(of: str = ANSWER, *, after: int = 0) -> Toxic:
    """Closes with FIN in the middle."""

    async def toxic(exchange: Exchange) -> None:
        await _up_to(exchange, of, after)
        raise Over

    return toxic


def black_hole(swallows: str = REQUEST) -> Toxic:
    """Withholds everything until the client gives up; for ANSWER the server has done its work by then."""

    async def toxic(exchange: Exchange) -> None:
        if swallows == ANSWER:
            await _up_to(exchange, ANSWER, 0)
        await asyncio.Event().wait()

    return toxic


def corrupt(of: str = ANSWER, *, at: int = -1) -> Toxic:
    """Changes one byte; a negative index counts from the end."""

    async def toxic(exchange: Exchange) -> None:
        if of == REQUEST:
            await exchange.send(_spoilt(exchange.request, at))
            async for part in exchange.answer():
                await exchange.give(part)
            return
        await exchange.send(exchange.request)
        await exchange.give(_spoilt(b"".join([part async for part in exchange.answer()]), at))

    return toxic


def half_close(towards: str = CLIENT) -> Toxic:
    """Closes one direction and keeps the other open."""

    async def toxic(exchange: Exchange) -> None:
        await exchange.send(exchange.request)
        (exchange.server if towards == SERVER else exchange.client).half_close()
        async for part in exchange.answer():
            if towards == SERVER:
                await exchange.give(part)
        raise Over

    return toxic


async def _up_to(exchange: Exchange, of: str, after: int) -> None:
    """Passes this many bytes of the request, or the request and this many bytes of its answer."""
    if of == REQUEST:
        await exchange.send(exchange.request[:after])
        return
    await exchange.send(exchange.request)
    whole = b"".join([part async for part in exchange.answer()])
    await exchange.give(whole[:after])


async def _parts(data: bytes, size: int, interval: float) -> AsyncIterator[bytes]:
    for start in range(0, len(data), max(size, 1)):
        yield data[start : start + size]
        if start + size < len(data):
            await asyncio.sleep(interval)


def _spoilt(data: bytes, at: int) -> bytes:
    spoilt = bytearray(data)
    spoilt[at] ^= 0x15
    return bytes(spoilt)
