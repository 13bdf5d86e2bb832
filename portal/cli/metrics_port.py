"""`/metrics` on a port of its own, so that no proxy has to hide it on the public one."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from portal.cli.limited_threads import LimitedThreads

_SECONDS = 10


class _Server(LimitedThreads, HTTPServer):
    pass


@contextmanager
def metrics_server(host: str, port: int, token: str | None) -> Iterator[None]:
    """For all worker processes, which must share a folder. Raises `OSError` if the port is taken."""
    # Imported late: it decides at import whether several processes share its counters.
    from portal.metrics import CONTENT_TYPE, shared_page  # noqa: PLC0415

    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self._answer(404, "text/plain", b"Not found\n")
            elif token and not self._has(token):
                self._answer(401, "text/plain", b"Send the token as Authorization: Bearer\n")
            else:
                self._answer(200, CONTENT_TYPE, shared_page())

        def _has(self, token: str) -> bool:
            return hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Type": content_type, "Cache-Control": "no-store"}.items():
                self.send_header(name, value)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing: a scrape each few seconds is no news."""

    with _Server((host, port), Handler) as server:
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
