"""Servers of the ports that are not for the public: a thread for each connection, but never many."""

from __future__ import annotations

import logging
import sys
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore
from typing import Any

MOST_CONNECTIONS = 64

log = logging.getLogger(__name__)


class LimitedThreads(ThreadingMixIn):
    """More connections than `MOST_CONNECTIONS` are closed at once, so that idle ones cannot use up the process."""

    daemon_threads = True
    request_queue_size = 2 * MOST_CONNECTIONS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._places = BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(*arguments, **options)

    def verify_request(self, _request: Any, _client_address: Any) -> bool:
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """One line, where the base class prints a trace with texts of errors; none for a client that hung up."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("a request to a port that is not for the public could not be answered", exc_info=error)
