"""httpx to servers on this machine."""

import ssl
from typing import Any

LOCAL: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""Of a client: no proxy, and no certificates, which take 20 ms to read for each client, and so for each `httpx.get`."""
