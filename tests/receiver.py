"""A partner's backend: keeps what it was sent, and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Delivery:
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    status: int


@dataclass
class Receiver:
    url: str
    statuses: list[int] = field(default_factory=list)
    """What the next ones are answered, one by one; 200 once they are used up."""
    deliveries: list[Delivery] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    """While it is not set, deliveries are kept but not answered."""

    @property
    def taken(self) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.status == 200]


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            if len(body) < int(headers["content-length"]):
                return  # the sender died on the way
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            receiver.deliveries.append(Delivery(headers, body, status))
            receiver.go_on.wait(30)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/notifications")
    receiver.go_on.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
