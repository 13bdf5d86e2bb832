from __future__ import annotations

import socket
from contextlib import suppress
from secrets import choice

_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """Below those from which the system makes connections: one of them would take it while its server is down."""
    while True:
        port = choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
