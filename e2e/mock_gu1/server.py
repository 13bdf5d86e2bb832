"""A small threaded HTTP/1.1 server for one WSGI application, which can hand its socket over to a fault."""

from __future__ import annotations

import io
import logging
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from e2e.mock_gu1.exchange import MOST_BODY, WIRE, Answer, Script, run

log = logging.getLogger(__name__)

IDLE = 75.0
"""Idle timeout of a keep-alive connection in seconds."""
_SAID_OTHERWISE = frozenset({"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"})
NO_BODY = frozenset({"204", "304"})


class BadBody(ValueError):
    pass


class MockServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256
    block_on_close = False

    def __init__(self, host: str, port: int, app: WSGIApplication) -> None:
        self.app = app
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.port}"

    def shutdown_request(self, request: Any) -> None:
        """Without shutdown(), which would send FIN before a reset."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            log.error("while serving %s: %r", client_address, problem)


@contextmanager
def serving(app: WSGIApplication, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[MockServer]:
    """On a thread of this process, for tests that need real sockets."""
    with MockServer(host, port, app) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="mock-gu1", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mock-gu1"
    sys_version = ""
    timeout = IDLE
    disable_nagle_algorithm = True
    wbufsize = -1
    server: MockServer

    def _serve(self) -> None:
        try:
            body = self._body()
        except BadBody as error:
            self.close_connection = True
            self.send_error(400, str(error))
            return
        scripts: list[Script] = []
        environ = self._environ(body) | {WIRE: scripts.append}
        answer = run(self.server.app, environ)
        if scripts:
            self._hand_over(scripts[0])
        else:
            self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _hand_over(self, script: Script) -> None:
        self.close_connection = True
        self.wfile.flush()
        script(self.connection)

    def _send(self, answer: Answer) -> None:
        status, _, reason = answer.status.partition(" ")
        self.send_response(int(status), reason)
        names = set()
        for name, value in answer.headers:
            names.add(name.lower())
            self.send_header(name, value)
        has_body = self.command != "HEAD" and status not in NO_BODY
        if has_body and "content-length" not in names:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        for chunk in answer.chunks:
            if has_body:
                self.wfile.write(chunk)
        self.wfile.flush()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunked()
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > MOST_BODY:
            raise BadBody("Content-Length is no number up to 1 MiB")
        return self.rfile.read(int(length))

    def _chunked(self) -> bytes:
        body = b""
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                raise BadBody("a chunk without a size") from None
            if size < 0 or len(body) + size > MOST_BODY:
                raise BadBody("more than 1 MiB")
            chunk = self.rfile.read(size)
            self.rfile.readline(1024)
            if size == 0:
                return body
            body += chunk

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": str(self.server.server_address[0]),
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": str(self.client_address[0]),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if "Content-Type" in self.headers:
            environ["CONTENT_TYPE"] = self.headers["Content-Type"]
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in _SAID_OTHERWISE:
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def log_message(self, *_: object) -> None:
        """No access log; see the ledger and the list of webhooks."""
