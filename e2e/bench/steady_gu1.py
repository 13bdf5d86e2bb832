"""A gu1 that only creates and reads, with a fixed delay and next to no CPU of its own: for benches of speed.

python -m e2e.bench.steady_gu1 --port 9000 --delay 0.3
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
from datetime import UTC, datetime, timedelta

_NUMBERS = itertools.count(1)


def answer(method: str, path: str, body: bytes) -> tuple[int, object]:
    if path.startswith("/api/entities"):
        return (200, {"entities": []}) if method == "GET" else (201, {"id": f"entity-{next(_NUMBERS)}"})
    if method == "POST" and path == "/api/kyc/validations":
        sent = json.loads(body)
        gu1_id = f"11111111-1111-4111-8111-{next(_NUMBERS):012}"
        metadata = {**sent["metadata"], "doubleChecks": {"renaper": True}}
        return 201, {**_row(gu1_id), "entityId": sent["entityId"], "metadata": metadata}
    if method == "GET" and path.startswith("/api/kyc/validations/"):
        return 200, _row(path.rpartition("/")[2])
    return 404, {"error": "NOT_FOUND"}


def _row(gu1_id: str) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "id": gu1_id,
        "status": "pending",
        "providerSessionUrl": f"http://127.0.0.1/session/{gu1_id}",
        "validationSessionId": f"session-{gu1_id}",
        "createdAt": now.isoformat(),
        "updatedAt": now.isoformat(),
        "expiresAt": (now + timedelta(days=7)).isoformat(),
    }


async def serve(port: int, delay: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while await _exchange(reader, writer, delay):
                pass

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> bool:
    """False after the last one of a connection."""
    request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    method, target, _ = request.split(" ")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    await asyncio.sleep(delay)
    status, found = answer(method, target.partition("?")[0], body)
    content = json.dumps(found).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    writer.write(head.encode() + content)
    await writer.drain()
    return headers.get("connection") != "close"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m e2e.bench.steady_gu1")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--delay", type=float, default=0.3, help="seconds before each answer")
    told = options.parse_args()
    asyncio.run(serve(told.port, told.delay))


if __name__ == "__main__":
    main()
