"""Sends filled-in first forms from one address, so many a second whatever the answers are, until stdin ends.

    python -m e2e.bench.form_flood http://127.0.0.1:8000 100

Prints a line when it begins, and the counts of its answers in the end. Only the standard library: it has to be quick
beside the portal that it floods, on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from urllib.parse import urlencode, urlsplit

_FROM = "203.0.113.7"
_MOST_OPEN = 200
_TOKEN = re.compile(rb'name="form_token"[^>]*value="([^"]+)"')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


async def flood(host: str, port: int, rate: float, ends: asyncio.Future[str]) -> Counter[str]:
    """Forms that would be too many at once are left out and counted."""
    answers: Counter[str] = Counter()
    sending: set[asyncio.Task[None]] = set()

    async def send() -> None:
        try:
            answers[await _form(host, port)] += 1
        except (OSError, EOFError, TimeoutError) as error:
            answers[type(error).__name__] += 1

    began, sent = time.monotonic(), 0
    while not ends.done():
        while sent < (time.monotonic() - began) * rate:
            sent += 1
            if len(sending) >= _MOST_OPEN:
                answers["not sent"] += 1
                continue
            task = asyncio.create_task(send())
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.sleep(0.005)
    answers["seconds"] = round(time.monotonic() - began)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    return answers


async def _form(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    head = f"HTTP/1.1\r\nHost: {host}:{port}\r\nX-Forwarded-For: {_FROM}\r\n"
    try:
        writer.write(f"GET / {head}\r\n".encode())
        _, page = await _answer(reader)
        token = _TOKEN.search(page)
        if token is None:
            return "no form"
        number = str(random.randrange(31_000_000, 98_000_000))
        typed = {"country": "AR", "document_number": number, "shown_number": number, "consent": "y"}
        typed |= {"first_name": "Ana", "last_name": "Pérez", "form_token": token[1].decode()}
        body = urlencode(typed).encode()
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"POST / {head}{kind}".encode() + body)
        status, _ = await _answer(reader)
        return status
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head[9:12].decode(), await reader.readexactly(int(length[1]) if length else 0)


async def _main(url: str, rate: float) -> Counter[str]:
    parts = urlsplit(url)
    print("begins", flush=True)
    ends = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
    return await flood(parts.hostname or "", parts.port or 80, rate, ends)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(sys.argv[1], float(sys.argv[2])))))
