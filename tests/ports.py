from __future__ import annotations

import socket
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
