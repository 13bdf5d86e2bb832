"""Answers requests in this process and counts what that takes. Started by `instructions.py`, under callgrind if there.

For each name it answers a few times, checks each answer, and marks the beginning and the end: with `getppid`, before
which callgrind writes down what it counted since the last mark, or by counting calls of functions itself.
"""

from __future__ import annotations

import gc
import html
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from e2e.bench.speed.seeding import OLDER, POLL_URL
from e2e.bench.speed.sides import BARE, bare_app
from portal.app import create_app
from portal.settings import load_config

TIMES = 8
_WARM_UP = 8
_TRIES = 5

Answer = tuple[int, bytes]


class Changed(Exception):
    """What the page shows changed by time alone."""


class Door:
    def __init__(self, app: WSGIApplication, host: str) -> None:
        self._app = app
        self._host = host

    def get(self, address: str) -> Answer:
        path, _, query = address.partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": self._host,
            "HTTP_ACCEPT": "text/html",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        told: list[str] = []
        parts = self._app(environ, lambda status, _headers, _error=None: told.append(status))  # type: ignore[arg-type]
        try:
            return int(told[0][:3]), b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()

    def poll_address(self, link: str) -> str:
        """With the version that the page has now."""
        status, body = self.get(f"{link}/status?{OLDER}")
        found = POLL_URL.search(body.decode())
        assert status == 200 and found, (status, body[:200])
        return html.unescape(found[1])


def counted(ours: Door, bare: Door, link: str, count: Callable[[], contextmanager]) -> None:
    """Prints a line for each count."""

    def answers(door: Door, address: Callable[[], str], right: Callable[[Answer], bool]) -> None:
        for _ in range(_TRIES):
            path = address()
            if not all(right(door.get(path)) for _ in range(_WARM_UP)):
                continue
            with count():
                given = [door.get(path) for _ in range(TIMES)]
            return print("right" if all(map(right, given)) else "changed", flush=True)
        raise Changed(path)

    older = f"{link}/status?{OLDER}"

    def is_page(answer: Answer) -> bool:
        return answer[0] == 200 and b"<h1" in answer[1]

    answers(bare, lambda: "/", lambda it: it == (200, BARE))
    answers(ours, lambda: ours.poll_address(link), lambda it: it == (204, b""))
    answers(ours, lambda: older, is_page)
    answers(ours, lambda: link, is_page)
    answers(ours, lambda: "/", is_page)
    answers(ours, lambda: "/healthz", lambda it: it[0] == 200)


@contextmanager
def marked() -> Iterator[None]:
    os.getppid()
    yield
    os.getppid()


@contextmanager
def calls() -> Iterator[None]:
    made = 0

    def see(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    sys.setprofile(see)
    yield
    sys.setprofile(None)
    print(f"calls {made}", flush=True)


def instrument() -> None:
    """From now on callgrind counts; imports would take a minute under it."""
    switch = subprocess.Popen(["callgrind_control", "--instr=on", str(os.getpid())], stdout=subprocess.DEVNULL)
    # Not blocked in wait(): valgrind listens only while this process runs.
    while switch.poll() is None:
        pass
    if switch.returncode:
        raise RuntimeError("callgrind_control failed")


def main() -> None:
    link, how = sys.argv[1:]
    config = load_config()
    host = urlsplit(config.base_url).netloc
    ours, bare = Door(create_app(config), host), Door(bare_app(), host)
    for address in (f"{link}/status?{OLDER}", link, "/", "/healthz"):
        ours.get(address)
    # When it runs depends on what else was done; all counts are without it.
    gc.collect()
    gc.disable()
    if how == "instructions":
        instrument()
    counted(ours, bare, link, {"instructions": marked, "calls": calls}[how])


if __name__ == "__main__":
    main()
