"""The operator's page on a port of its own, in a process of its own beside the workers."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from portal.cli.limited_threads import LimitedThreads
from portal.logs import set_up_logging
from portal.settings import load_config

_SECONDS = 30
_RESTART_SECONDS = 2.0
_STOP_CHECK_SECONDS = 1.0

log = logging.getLogger(__name__)


@contextmanager
def operator_port(host: str, port: int) -> Iterator[Callable[[], None]]:
    """Yields what starts it anew, with the settings of then."""
    # A new interpreter: a fork would share the connections of this one.
    context = multiprocessing.get_context("spawn")
    running: list[SpawnProcess] = []
    changing, is_over = threading.Lock(), threading.Event()

    def stop() -> None:
        for process in running:
            process.terminate()
            process.join(_SECONDS)
        running.clear()

    def start() -> None:
        with changing:
            stop()
            process = context.Process(target=_serve, args=(host, port, os.getpid()), name="operator", daemon=True)
            process.start()
            running.append(process)

    def keep_running() -> None:
        while not is_over.wait(_RESTART_SECONDS):
            with changing:
                ended = [it.exitcode for it in running if it.exitcode is not None]
                is_missing = not running
            if ended:
                log.error("the operator's page ended with code %s; restarting it", ended[0])
            if ended or is_missing:
                try:
                    start()
                except Exception:  # no memory or no processes left, for now
                    log.exception("the operator's page could not be started; trying again")

    start()
    keeper = threading.Thread(target=keep_running, name="operator-keeper", daemon=True)
    keeper.start()
    try:
        yield start
    finally:
        is_over.set()
        keeper.join(_SECONDS)
        with changing:
            stop()


class _Server(LimitedThreads, WSGIServer):
    pass


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
