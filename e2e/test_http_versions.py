"""The server speaks HTTP/1.1 only: over HTTP/2 one connection can hold every thread of the portal."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

from tests.local_http import LOCAL

STREAMS = 100
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, HEADERS = 4, 1
END_HEADERS = 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def post_headers(path, authority):
    """HPACK (RFC 7541): indexed `:method: POST` and `:scheme: http`, then literals without indexing."""
    return b"\x83\x86" + b"".join(
        bytes((index, len(value))) + value.encode() for index, value in ((4, path), (1, authority))
    )


def unfinished_posts(authority, path="/"):
    """Streams whose headers are complete and whose bodies never come."""
    headers = post_headers(path, authority)
    streams = range(1, 2 * STREAMS, 2)
    return PREFACE + frame(SETTINGS, 0, 0) + b"".join(frame(HEADERS, END_HEADERS, it, headers) for it in streams)


@pytest.fixture
def address(own_environment):
    parts = urlsplit(own_environment.portal.url)
    return parts.hostname, parts.port


def test_a_hundred_unfinished_streams_of_one_connection_hold_up_nobody(own_environment, address):
    with closing(socket.create_connection(address, timeout=5)) as connection:
        connection.sendall(unfinished_posts(f"{address[0]}:{address[1]}"))
        for _ in range(20):
            answer = httpx.get(own_environment.portal.url + "/healthz", timeout=2, **LOCAL)
            assert answer.status_code == 200


@pytest.mark.asvs("4.2.1")
def test_the_preface_of_http_2_is_refused(address):
    with closing(socket.create_connection(address, timeout=5)) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert not answer or answer.startswith(b"HTTP/1.1 4")
