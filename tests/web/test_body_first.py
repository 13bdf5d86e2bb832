"""Slow bodies hold no place for work, and every answer reaches the server as a list."""

from __future__ import annotations

import threading
import time
from io import BytesIO
from queue import Queue

import pytest

from portal.web.body_first import MOST_BYTES, BodyFirst


class SlowBody:
    """Sends nothing until it is released."""

    def __init__(self):
        self.is_read = threading.Event()
        self.released = threading.Event()

    def read(self, size):
        self.is_read.set()
        assert self.released.wait(10)
        return b"x" * size


def reader(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def request(app, body, **environ):
    return app({"wsgi.input": body, **environ}, lambda *_: None)


PATIENT = 10.0
"""Nobody goes without a place."""


@pytest.mark.parametrize(
    ("kind", "length"),
    [({"CONTENT_LENGTH": "3"}, 3), ({"HTTP_TRANSFER_ENCODING": "chunked"}, MOST_BYTES + 1)],
    ids=["with a length", "chunked"],
)
def test_slow_body_holds_no_place(kind, length):
    app, slow, answers = BodyFirst(reader, 1, PATIENT), SlowBody(), Queue()
    thread = threading.Thread(target=lambda: answers.put(request(app, slow, **kind)))
    thread.start()
    assert slow.is_read.wait(10)
    began = time.monotonic()
    assert request(app, BytesIO(b"")) == [b""]
    assert time.monotonic() - began < 5
    slow.released.set()
    thread.join()
    assert answers.get() == [b"x" * length]


def test_places_that_wait_for_the_database_stop_nobody():
    stalled, over = threading.Event(), threading.Event()

    def stall(environ, _start_response):
        if "stalls" in environ:
            stalled.set()
            assert over.wait(10)
        return [b"ok"]

    app = BodyFirst(stall, places=1)
    thread = threading.Thread(target=lambda: request(app, BytesIO(b""), stalls=True))
    thread.start()
    assert stalled.wait(10)
    assert request(app, BytesIO(b"")) == [b"ok"]
    over.set()
    thread.join()


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "-1", "many", "²"])
def test_what_the_application_refuses_is_left_to_it_unread(length):
    body = BytesIO(b"abc")
    app = BodyFirst(lambda environ, _: [environ["wsgi.input"].read(1)], 1)
    assert request(app, body, CONTENT_LENGTH=length) == [b"a"]


def test_place_is_free_again_after_an_error():
    def broken(_environ, _start_response):
        raise RuntimeError

    app = BodyFirst(broken, 1, PATIENT)
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            request(app, BytesIO(b""))
    assert time.monotonic() - began < 5


def test_answer_in_parts_is_read_and_closed_within_its_place():
    class Parts:
        closed = False

        def __iter__(self):
            yield from (b"a", b"b")

        def close(self):
            self.closed = True

    parts = Parts()
    assert request(BodyFirst(lambda *_: parts, 1), BytesIO(b"")) == [b"a", b"b"]
    assert parts.closed
