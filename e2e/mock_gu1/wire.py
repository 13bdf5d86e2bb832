"""Faults on the socket itself. Errors of clients that have disconnected are ignored."""

from __future__ import annotations

import socket
import struct
import time

from e2e.mock_gu1.exchange import Answer, Script

CHUNK = 64 * 1024


def say(everything: bytes) -> Script:
    return lambda connection: connection.sendall(everything)


def reset(connection: socket.socket) -> None:
    """Makes close() send RST and drop buffered bytes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(seconds: float) -> Script:
    def script(connection: socket.socket) -> None:
        connection.settimeout(seconds)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(CHUNK):
                return

    return script


def drip(answer: Answer, *, part: str, size: int, interval: float) -> Script:
    """Slows the head too if `part` is `headers`; else only the body."""
    body = answer.body
    head = answer.with_body(body).head()
    slowly = head + body if part == "headers" else body

    def script(connection: socket.socket) -> None:
        connection.sendall(b"" if part == "headers" else head)
        for start in range(0, len(slowly), size):
            connection.sendall(slowly[start : start + size])
            time.sleep(interval)

    return script


def bad_chunk(answer: Answer) -> Script:
    body = answer.body
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    head = Answer(answer.status, [*headers, ("Transfer-Encoding", "chunked")], []).head()
    half = body[: len(body) // 2]
    return say(head + f"{len(half):x}\r\n".encode() + half + b"\r\nnot-a-size\r\n" + body[len(half) :])


def twice(answer: Answer) -> Script:
    body = answer.body
    once = answer.with_body(body).head() + body
    return say(once + once)


def interim(answer: Answer, *, count: int) -> Script:
    body = answer.body
    head = answer.with_body(body).head()
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"

    def script(connection: socket.socket) -> None:
        for _ in range(count // 100):
            connection.sendall(hints * 100)
        connection.sendall(hints * (count % 100) + head + body)

    return script
