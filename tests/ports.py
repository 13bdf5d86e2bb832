from __future__ import annotations

import socket
import time
from contextlib import suppress
from secrets import choice

_PORTS = range(12_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """Below those from which the system makes connections: one of them would take it while its server is down.

    Never the same twice, because a server may not listen yet when the next port is asked for.
    """
    while True:
        port = choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    """Until something listens there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on port {port}"
            time.sleep(0.02)
