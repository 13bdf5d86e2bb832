"""What the server answers by itself, before the portal sees a request."""

from __future__ import annotations

import resource
import select
import socket
import time
from contextlib import ExitStack

import pytest

from e2e.servers import portal
from portal.web.connection_guard import MOST_CONNECTIONS
from tests.documents import SECURITY, rows
from tests.ports import free_port

HEAD = b"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
BROKEN = {
    "no request": b"nonsense\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: {host}\r\n\r\n",
    "a NUL in the address": b"GET /\0 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "no length": b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: x\r\n\r\n",
    "an unknown encoding": b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "a long address": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "many headers": HEAD + b"".join(b"X%d: 1\r\n" % number for number in range(300)) + b"\r\n",
    "a long header": HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
}
"""The server closes after its answer."""
UNDERSTOOD = {
    "nothing special": HEAD + b"\r\n",
    "another host": HEAD.replace(b"{host}", b"example.com") + b"\r\n",
    "two hosts": HEAD + b"Host: example.com\r\n\r\n",
    "an absolute address": HEAD.replace(b"/healthz", b"http://example.com/healthz") + b"\r\n",
    "no address": HEAD.replace(b"GET /healthz", b"OPTIONS *") + b"\r\n",
    "a method that nobody knows": HEAD.replace(b"GET", b"BREW") + b"\r\n",
    "a trace": HEAD.replace(b"GET", b"TRACE") + b"\r\n",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n",
    "a wrong chunk": HEAD.replace(b"GET /healthz", b"POST /") + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bytes that are no text": HEAD.replace(b"/healthz", b"/o/%ff%fe%0a") + b"X: \xff\xfe\r\n\r\n",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with portal(tmp_path_factory.mktemp("portal"), port=free_port(), gu1_url="http://127.0.0.1:1") as server:
        yield server


@pytest.fixture
def exchange(running):
    """Status, headers by name, and body."""

    def exchange(sent):
        answer = b""
        with socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=20) as connection:
            connection.sendall(sent.replace(b"{host}", running.host.encode()))
            while received := connection.recv(65_536):
                answer += received
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        return int(first.split(" ")[1]), {line.partition(":")[0].lower() for line in lines}, body

    return exchange


@pytest.mark.asvs("4.2.1")
def test_only_broken_requests_are_answered_without_the_headers(exchange):
    statuses = set()
    for what, sent in BROKEN.items():
        status, headers, body = exchange(sent)
        assert (headers, body) == ({"connection", "content-length", "date"}, b""), what
        statuses.add(status)
    assert statuses == {int(row[0]) for row in rows(SECURITY, "## Answers that the server makes by itself")}


@pytest.mark.asvs("3.4.4")
def test_everything_else_carries_the_headers(exchange):
    for what, sent in UNDERSTOOD.items():
        status, headers, _ = exchange(sent)
        assert status < 500, what
        assert {"content-security-policy", "x-content-type-options", "cache-control", "referrer-policy"} <= headers, (
            what
        )


@pytest.mark.asvs("4.2.1")
@pytest.mark.parametrize(("ending", "status"), [(b"0\r\n\r\n", 401), (b"zz\r\n", 400)], ids=repr)
def test_body_that_breaks_off_is_not_taken_for_a_whole_one(exchange, ending, status):
    webhook = HEAD.replace(b"GET /healthz", b"POST /webhooks/gu1") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    assert exchange(webhook + ending)[0] == status


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * MOST_CONNECTIONS:
        pytest.skip(f"a process may have {hard} files open here, too few for so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_whoever_holds_too_many_connections_loses_those_beyond(tmp_path):
    server = portal(tmp_path, port=free_port(), gu1_url="http://127.0.0.1:1")
    server.command += ["--workers", "1"]
    with server, ExitStack() as stack:

        def connect(number, address):
            to = ("127.0.0.1", int(server.url.rpartition(":")[2]))
            return [
                stack.enter_context(socket.create_connection(to, source_address=(address, 0))) for _ in range(number)
            ]

        greedy, other = connect(MOST_CONNECTIONS + 50, "127.0.0.2"), connect(1, "127.0.0.3")
        deadline = time.monotonic() + 20
        while len(open_of(greedy)) > MOST_CONNECTIONS:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert len(open_of(greedy)) == MOST_CONNECTIONS
        other[0].sendall(UNDERSTOOD["nothing special"].replace(b"{host}", server.host.encode()))
        assert other[0].recv(100).startswith(b"HTTP/1.1 200 ")


def open_of(connections):
    """Nothing was asked on them, so those that can be read from have come to their end."""
    polling = select.poll()
    for it in connections:
        polling.register(it, select.POLLIN)
    ended = {number for number, _ in polling.poll(0)}
    return [it for it in connections if it.fileno() not in ended]
