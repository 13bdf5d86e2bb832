"""How long `portal serve` takes until it answers, beside the same server with one bare route."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

from e2e.bench.fleet import SQLITE, database_of
from e2e.bench.speed.part import Terms
from e2e.bench.speed.sides import WORKERS, bare_route, serving_portal
from e2e.bench.speed.tables import Table, middle
from e2e.servers import Server

GOAL = 1.0
_PATIENCE = 60.0


def startup(terms: Terms) -> list[Table]:
    table = Table("start", ("start of", "until it answers", "goal", "fastest"))
    found: dict[str, list[float]] = {"portal serve": [], "the same server with a bare route": []}
    with database_of(SQLITE, _made(terms)) as url:
        for _ in range(terms.pairs):
            ours = serving_portal(terms.folder, gu1_url="http://127.0.0.1:9", database_url=url)
            for name, server in zip(found, (ours, bare_route(terms.folder)), strict=True):
                found[name].append(_seconds_until_it_answers(server))
    for name, seconds in found.items():
        goal = f"≤ {GOAL:.1f} s" if name == "portal serve" else ""
        table.add(name, f"{middle(seconds):.2f} s", goal, f"{min(seconds):.2f} s", seconds=seconds)
    table.notes.append(f"{WORKERS} workers, {terms.pairs} alternating starts, SQLite with a current schema.")
    return [table]


def _made(terms: Terms):
    folder = terms.folder / "start"
    folder.mkdir()
    return folder


def _seconds_until_it_answers(server: Server) -> float:
    began = time.monotonic()
    server.launch()
    try:
        while not _answers(server):
            if time.monotonic() - began > _PATIENCE:
                raise RuntimeError(server.log.read_text()[-2000:])
            time.sleep(0.005)
        return time.monotonic() - began
    finally:
        server.stop()


def _answers(server: Server) -> bool:
    parts = urlsplit(server.url)
    path = "/healthz" if server.probe == "/readyz" else server.probe
    with suppress(OSError), socket.create_connection((parts.hostname, parts.port), timeout=_PATIENCE) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        return connection.recv(100).startswith(b"HTTP/1.1 200")
    return False
