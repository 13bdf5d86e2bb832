"""The operator's page on a port of its own, in a process of its own beside the workers."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from portal.logs import set_up_logging
from portal.settings import load_config

_SECONDS = 30
_STOP_CHECK_SECONDS = 1.0


@contextmanager
def operator_port(host: str, port: int) -> Iterator[Callable[[], None]]:
    """Yields what starts it anew, with the settings of then."""
    # A new interpreter: a fork would share the connections of this one.
    context = multiprocessing.get_context("spawn")
    running: list[SpawnProcess] = []

    def stop() -> None:
        for process in running:
            process.terminate()
            process.join(_SECONDS)
        running.clear()

    def start() -> None:
        stop()
        running.append(context.Process(target=_serve, args=(host, port, os.getpid()), name="operator", daemon=True))
        running[0].start()

    start()
    try:
        yield start
    finally:
        stop()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, *_arguments: object) -> None:
        """Nothing: every action writes its own line into the history."""


def _serve(host: str, port: int, parent: int) -> None:
    # Imported late: the metrics in it decide at import whether several processes share them.
    from portal.operator_app import operator_app  # noqa: PLC0415

    config = load_config()
    set_up_logging(config.log_level)
    threading.Thread(target=_end_with, args=[parent], daemon=True).start()
    with make_server(host, port, operator_app(config), _Server, _Handler) as server:
        server.serve_forever()


def _end_with(parent: int) -> None:
    """The port must be free again if the server is killed."""
    while os.getppid() == parent:
        time.sleep(_STOP_CHECK_SECONDS)
    os._exit(1)
