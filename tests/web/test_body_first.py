"""Slow bodies hold no place for work, and every answer reaches the server as a list."""

from __future__ import annotations

import threading
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


def request(app, body, length=""):
    return app({"CONTENT_LENGTH": length, "wsgi.input": body}, lambda *_: None)


def test_slow_body_holds_no_place():
    app, slow, answers = BodyFirst(reader, places=1), SlowBody(), Queue()
    thread = threading.Thread(target=lambda: answers.put(request(app, slow, "3")))
    thread.start()
    assert slow.is_read.wait(10)
    assert request(app, BytesIO(b"")) == [b""]
    slow.released.set()
    thread.join()
    assert answers.get() == [b"xxx"]


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "-1", "many", "²"])
def test_what_the_application_refuses_is_left_to_it_unread(length):
    body = BytesIO(b"abc")
    assert request(BodyFirst(lambda environ, _: [environ["wsgi.input"].read(1)], 1), body, length) == [b"a"]


def test_place_is_free_again_after_an_error():
    def broken(_environ, _start_response):
        raise RuntimeError

    app = BodyFirst(broken, places=1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            request(app, BytesIO(b""))


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
