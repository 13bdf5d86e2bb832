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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from portal.domain.start_limits import address_block
from portal.web.refusals import Refusal

MOST_CONNECTIONS = 4096
"""Of one address to a process: a quarter of all. A mobile network may have thousands of people behind one address."""
BETWEEN_LOOKS = 1.0
_AT_ONCE = 256
_OPEN_FILES = Path("/dev/fd")


class _Socket(NamedTuple):
    inode: int
    port: int
    """On our side."""
    block: str | None
    """Of the address on the other side; None of a socket that waits for connections."""


class ConnectionGuard:
    def __init__(self, on_refusal: Callable[[Refusal], None], *, most: int = MOST_CONNECTIONS) -> None:
        """`on_refusal` is called for each connection that was ended."""
        self._on_refusal = on_refusal
        self._most = most
        self._known: dict[int, _Socket] = {}
        """By number of the file. Asking a socket takes ten times as long as asking whether it is still the same."""

    def start(self) -> None:
        if not _OPEN_FILES.is_dir():  # of a system that does not list them
            return
        threading.Thread(target=self._run, name="connection-guard", daemon=True).start()

    def look(self) -> None:
        """Counting takes longer than listing, and hardly ever are there so many files that it is needed."""
        with os.scandir(_OPEN_FILES) as files:  # paths would take ten times as long, in which no poll is answered
            numbers = [int(it.name) for it in files]
        if len(numbers) <= self._most:
            self._known = {}
            return
        self._known = dict(self._looked_at(numbers))
        ports = {it.port for it in self._known.values() if it.block is None}
        held: Counter[str] = Counter()
        for number, it in self._known.items():
            if it.block is None or it.port not in ports:
                continue  # one of our own, to a database or to gu1
            held[it.block] += 1
            if held[it.block] > self._most and _end(number):
                self._on_refusal(Refusal.MANY_CONNECTIONS)

    def _looked_at(self, numbers: Sequence[int]) -> Iterator[tuple[int, _Socket]]:
        """What was known of a socket stays true while its inode is the same."""
        for count, number in enumerate(numbers):
            if count % _AT_ONCE == 0:
                time.sleep(0)  # lets others have the interpreter lock
            with suppress(OSError):  # closed since, no socket, or not connected
                inode, known = os.fstat(number).st_ino, self._known.get(number)
                if known is None or known.inode != inode:
                    known = _socket(number, inode)
                if known:
                    yield number, known

    def _run(self) -> None:
        while True:
            time.sleep(BETWEEN_LOOKS)
            self.look()


def _socket(number: int, inode: int) -> _Socket | None:
    """None if it is not of the internet. Raises `OSError` if it is no socket, or not connected."""
    with _opened(number) as found:
        if found.family not in {socket.AF_INET, socket.AF_INET6}:
            return None
        port = found.getsockname()[1]
        listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return _Socket(inode, port, None if listens else address_block(found.getpeername()[0]))


def _end(number: int) -> bool:
    """False if it ended by itself."""
    try:
        with _opened(number) as connection:
            connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return False
    return True


@contextmanager
def _opened(number: int) -> Iterator[socket.socket]:
    """Nothing is closed: even of a copy of a file that would end SQLite's locks on it."""
    found = socket.socket(fileno=number)
    try:
        yield found
    finally:
        found.detach()
