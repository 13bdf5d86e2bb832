"""Ends connections of whoever holds too many, because the server has no limit for one address.

It looks at the sockets that the process has open: nothing tells it of new ones. So an address may have more for a
moment.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from portal.domain.start_limits import address_block
from portal.web.refusals import Refusal

MOST_CONNECTIONS = 4096
"""Of one address to a process: a quarter of all. A mobile network may have thousands of people behind one address."""
BETWEEN_LOOKS = 1.0
_OPEN_FILES = Path("/dev/fd")


class ConnectionGuard:
    def __init__(self, on_refusal: Callable[[Refusal], None], *, most: int = MOST_CONNECTIONS) -> None:
        """`on_refusal` is called for each connection that was ended."""
        self._on_refusal = on_refusal
        self._most = most

    def start(self) -> None:
        if not _OPEN_FILES.is_dir():  # of a system that does not list them
            return
        threading.Thread(target=self._run, name="connection-guard", daemon=True).start()

    def look(self) -> None:
        """Counting takes longer than listing, and hardly ever are there so many files that it is needed."""
        with os.scandir(_OPEN_FILES) as files:  # paths would take ten times as long, in which no poll is answered
            numbers = [int(it.name) for it in files]
        if len(numbers) <= self._most:
            return
        ports: set[int] = set()
        for listening in _sockets(numbers):
            with suppress(OSError):  # closed since
                if listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    ports.add(listening.getsockname()[1])
        held: Counter[str] = Counter()
        for connection in _sockets(numbers):
            with suppress(OSError):  # not connected, or not any more
                block = address_block(connection.getpeername()[0])
                if connection.getsockname()[1] not in ports:
                    continue  # one of our own, to a database or to gu1
                held[block] += 1
                if held[block] > self._most:
                    connection.shutdown(socket.SHUT_RDWR)
                    self._on_refusal(Refusal.MANY_CONNECTIONS)

    def _run(self) -> None:
        while True:
            time.sleep(BETWEEN_LOOKS)
            self.look()


def _sockets(numbers: list[int]) -> Iterator[socket.socket]:
    """Of the internet. Nothing is closed: even of a copy of a file that would end SQLite's locks on it."""
    for number in numbers:
        try:
            found = socket.socket(fileno=number)
        except OSError:  # closed since, or no socket
            continue
        try:
            if found.family in {socket.AF_INET, socket.AF_INET6}:
                yield found
        finally:
            found.detach()
