"""Clients that hold a connection without getting on, and what other people's polls take meanwhile."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

from e2e.bench.speed.generator import Burst, Generator, Load
from e2e.bench.speed.part import Terms
from e2e.bench.speed.seeding import Visits, seeded
from e2e.bench.speed.sides import ground
from e2e.bench.speed.tables import Table, milliseconds, times
from e2e.servers import Server

SLOW, IDLE = 200, 4300
"""Clients of each kind, and of those that only keep their connection."""
PACE = 100.0
"""Polls of others a second."""
_OTHERS = 16
_SECONDS = 4.0
_DRIP = 0.5
"""Seconds between two bytes."""


@dataclass(frozen=True)
class Kind:
    name: str
    first: str
    """What it sends at once; `{host}` and `{path}` are replaced."""
    drips: bytes = b""
    """What it sends again and again afterwards."""
    settles: float = 1.0
    """Seconds until the server has done what there is to do for it."""
    clients: int = SLOW


KINDS = (
    Kind("silent", ""),
    Kind("headers", "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Slow: ", b"a"),
    Kind(
        "body",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 9000\r\n\r\n",
        b"a",
    ),
    Kind(
        "chunked body of a GET",
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\na\r\n",
        settles=5.0,
    ),
    Kind("reader", "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n" * 4, settles=5.0),
    Kind("next request, after one answer", "GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n", settles=5.0, clients=IDLE),
)


def slow_clients(terms: Terms) -> list[Table]:
    table = Table("slow", ("clients", "slow with", "others' p99 before", "meanwhile", "ratio", "goal", "unanswered"))
    found: dict[Kind, list[tuple[Burst, Burst]]] = {kind: [] for kind in KINDS}
    with ground(terms.folder / "slow", terms.databases[0]) as here:
        links = seeded(here, _OTHERS)
        for _ in range(terms.pairs):
            for kind, before, meanwhile in against(terms.generator, here.portal, links):
                found[kind].append((before, meanwhile))
    for kind, pairs in found.items():
        p99s = [(before.percentile(0.99), meanwhile.percentile(0.99)) for before, meanwhile in pairs if meanwhile.good]
        ratio = median(meanwhile / before for before, meanwhile in p99s) if p99s else None
        unanswered = sum(sum(meanwhile.wrong.values()) for _, meanwhile in pairs)
        answered = sum(meanwhile.good for _, meanwhile in pairs)
        table.add(
            f"{kind.clients:,}",
            kind.name,
            milliseconds(median(before for before, _ in p99s)) if p99s else "",
            milliseconds(median(meanwhile for _, meanwhile in p99s)) if p99s else "no answer",
            times(ratio) if ratio else "",
            "≤ 2 ×",
            f"{unanswered} of {unanswered + answered}" if unanswered else "",
            ratio=ratio,
            p99s=p99s,
            unanswered=unanswered,
        )
    table.notes.append(
        f"{PACE:.0f} polls a second from {_OTHERS} other clients, {_SECONDS:.0f} s each; no proxy in front. Medians of "
        f"{terms.pairs} rounds, because one slow poll of 400 more or less moves a p99 by half."
    )
    return [table]


def against(generator: Generator, door: Server, links: list[str]) -> Iterator[tuple[Kind, Burst, Burst]]:
    """Each kind, and others' polls before it and beside it."""
    visits = Visits(door, links)
    for kind in KINDS:
        before = _polled(generator, visits, door)
        # Prepared before, because the preparation itself may get no answer.
        prepared = visits.unchanged_polls()
        with _slow(door, kind, links[0]):
            meanwhile = generator.run(Load(door.url, prepared, _OTHERS, _SECONDS, rate=PACE, grace=1.0))
        time.sleep(1.0)
        yield kind, before, meanwhile


def _polled(generator: Generator, visits: Visits, door: Server) -> Burst:
    return generator.run_right(lambda: Load(door.url, visits.unchanged_polls(), _OTHERS, _SECONDS, rate=PACE))


@contextmanager
def _slow(door: Server, kind: Kind, path: str) -> Iterator[None]:
    parts = urlsplit(door.url)
    first = kind.first.format(host=parts.netloc, path=path).encode()
    own = [_connected(parts.hostname or "", parts.port or 80) for _ in range(kind.clients)]
    over = threading.Event()

    def drip() -> None:
        while kind.drips and not over.wait(_DRIP):
            for each in own:
                with contextlib.suppress(OSError):
                    each.send(kind.drips)

    for each in own:
        each.setblocking(False)
        with contextlib.suppress(OSError):
            each.send(first)
    thread = threading.Thread(target=drip)
    thread.start()
    time.sleep(kind.settles)
    try:
        yield
    finally:
        over.set()
        thread.join()
        for each in own:
            each.close()


def _connected(host: str, port: int) -> socket.socket:
    """With so small a window that unread answers stay with the server."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.settimeout(5)
    made.connect((host, port))
    return made
