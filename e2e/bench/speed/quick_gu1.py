"""A gu1 that costs next to nothing: the mock's rows and shapes behind one asyncio loop.

    python -m e2e.bench.speed.quick_gu1 --port PORT --latency 0.3

The mock itself answers a few hundred calls a second, and the portal's throughput would be the mock's. This one has
nothing but the calls of a journey, each after the same latency, and counts reads and syncs. A negative latency never
answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.api_variants import ApiVariant, CurrentVariant
from e2e.mock_gu1.clock import utc_now
from e2e.mock_gu1.envelopes import Envelopes, signature
from e2e.mock_gu1.rows import Entity, Json, Validation
from e2e.mock_gu1.shapes import Shapes
from e2e.servers import WEBHOOK_SECRET, Server

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SESSION_LASTS = timedelta(days=7)
_ORGANIZATION = "org_bench"
_READ = re.compile(r"GET /api/kyc/validations/([^/]+)|POST /api/kyc/validations/([^/]+)/sync")
"""A sync takes the place of a read."""

Answer = tuple[int, Json]


def quick_gu1(folder: Path, *, port: int, latency: float = 0.0) -> Server:
    command = [sys.executable, "-m", "e2e.bench.speed.quick_gu1", "--port", str(port), f"--latency={latency}"]
    return Server(command, f"http://127.0.0.1:{port}", "/_quick/reads", folder / f"quick_gu1-{port}.log")


class QuickGu1:
    def __init__(self, url: str, latency: float) -> None:
        self.latency = latency
        self._url = url
        self._entities: dict[str, Entity] = {}
        self._validations: dict[str, Validation] = {}
        self._reads: Counter[str] = Counter()
        self._reading: Counter[str] = Counter()
        self._most_at_once = 0
        variants = CurrentVariant(ApiVariant())
        self._shapes = Shapes(_ORGANIZATION, variants)
        self._envelopes = Envelopes(_ORGANIZATION, variants, self._shapes, utc_now)
        self._routes: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
            ("POST", r"/api/entities", self._create_entity),
            ("GET", r"/api/entities/by-external-id/([^/]+)", lambda *_: (404, {"error": "ENTITY_NOT_FOUND"})),
            ("GET", r"/api/entities", lambda *_: (200, {"entities": []})),
            ("POST", r"/api/kyc/validations", self._create_validation),
            ("GET", r"/api/kyc/validations/([^/]+)", self._read),
            ("POST", r"/api/kyc/validations/([^/]+)/sync", self._read),
            ("GET", r"/api/kyc/entities/([^/]+)/validations", self._list),
            ("POST", r"/_quick/latency", self._set_latency),
            ("GET", r"/_quick/reads", self._count),
            ("POST", r"/_quick/copies", self._copy),
            ("POST", r"/_quick/webhooks", self._webhooks),
        )

    async def answer(self, method: str, path: str, body: Json) -> Answer:
        if path.startswith("/_quick/"):
            return self._route(method, path, body)
        found = _READ.fullmatch(f"{method} {path}")
        read = found and (found[1] or found[2])
        if read:
            self._reads[read] += 1
            self._reading[read] += 1
            self._most_at_once = max(self._most_at_once, self._reading[read])
        try:
            if self.latency < 0:
                await asyncio.Event().wait()
            await asyncio.sleep(self.latency)
        finally:
            if read:
                self._reading[read] -= 1
        return self._route(method, path, body)

    def _route(self, method: str, path: str, body: Json) -> Answer:
        for known, pattern, action in self._routes:
            found = re.fullmatch(pattern, path) if known == method else None
            if found:
                return action(body, *found.groups())
        return 404, {"error": "NOT_FOUND", "message": f"{method} {path} is not one of the calls of a journey"}

    def _create_entity(self, body: Json) -> Answer:
        now = utc_now()
        entity = Entity(
            id=str(uuid4()),
            type="person",
            name=body["name"],
            tax_id=body["taxId"],
            country=body["countryCode"],
            external_id=body.get("externalId"),
            nationality=None,
            status="active",
            entity_data={},
            attributes={},
            created_at=now,
            updated_at=now,
        )
        self._entities[entity.id] = entity
        return 201, self._shapes.entity_created(entity)

    def _create_validation(self, body: Json) -> Answer:
        now, session = utc_now(), f"session-{uuid4()}"
        row = Validation(
            id=str(uuid4()),
            entity_id=body["entityId"],
            session_id=session,
            session_url=f"{self._url}/session/{session}",
            planned=None,
            registry_asked=body.get("doubleCheckRenaper") is True,
            metadata=body.get("metadata") or {},
            expires_at=now + _SESSION_LASTS,
            created_at=now,
            updated_at=now,
        )
        self._validations[row.id] = row
        return 201, self._shapes.validation_created(row)

    def _read(self, _body: Json, validation_id: str) -> Answer:
        row = self._validations.get(validation_id)
        return (200, self._shapes.validation(row)) if row else (404, {"error": "VALIDATION_NOT_FOUND"})

    def _list(self, _body: Json, entity_id: str) -> Answer:
        rows = [row for row in self._validations.values() if row.entity_id == entity_id]
        return 200, {"validations": self._shapes.listed(rows), "total": len(rows), "page": 1, "limit": 100}

    def _set_latency(self, body: Json) -> Answer:
        self.latency = float(body["seconds"])
        return 200, {}

    def _count(self, _body: Json) -> Answer:
        return 200, {
            "reads": {row.session_id: self._reads[key] for key, row in self._validations.items()},
            "most_at_once": self._most_at_once,
            "validations": list(self._validations),
        }

    def _copy(self, body: Json) -> Answer:
        """More validations like the latest one."""
        key, row = list(self._validations.items())[-1]
        for number in range(1, int(body["count"]) + 1):
            self._validations[f"{key}-{number}"] = replace(row, id=f"{key}-{number}")
        return 200, {}

    def _webhooks(self, body: Json) -> Answer:
        """The validation, or each, moves to the status now; the bodies that tell so, signed."""
        made, status, chosen = [], str(body["status"]), body.get("validation")
        for key, row in self._validations.items():
            if chosen not in {None, key}:
                continue
            moved = replace(row, status=status, updated_at=max(utc_now(), row.updated_at + timedelta(milliseconds=1)))
            self._validations[key] = moved
            content = self._envelopes.of_step(f"kyc.validation_{status}", moved, self._entities[row.entity_id])
            made.append({"body": content.decode(), "signature": signature(WEBHOOK_SECRET, content)})
        return 200, {"header": SIGNATURE_HEADER, "webhooks": made}


async def _serve(gu1: QuickGu1, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = _LENGTH.search(head)
            content = await reader.readexactly(int(length[1])) if length else b""
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            status, body = await gu1.answer(method, urlsplit(target).path, json.loads(content) if content else {})
            told = json.dumps(body).encode()
            kind = f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {len(told)}\r\n\r\n"
            writer.write(kind.encode() + told)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main(port: int, latency: float) -> None:
    gu1 = QuickGu1(f"http://127.0.0.1:{port}", latency)
    server = await asyncio.start_server(
        lambda reader, writer: _serve(gu1, reader, writer), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--latency", type=float, default=0.0)
    told = options.parse_args()
    asyncio.run(_main(told.port, told.latency))
