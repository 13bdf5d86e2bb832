"""Faults on real sockets, as a client meets them."""

import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from e2e.mock_client import AUTHORIZED, CODE
from e2e.mock_gu1 import create_mock, serving
from tests.local_http import LOCAL

LIST = "/api/kyc/validations"


@pytest.fixture(scope="module")
def server():
    with serving(create_mock()) as running:
        yield running


@pytest.fixture
def gu1(server):
    with httpx.Client(base_url=server.url, headers=AUTHORIZED, **LOCAL, timeout=5) as client:
        client.post("/_mock/reset")
        yield client


def order(gu1, kind, **more):
    return gu1.post("/_mock/faults", json={"kind": kind, **more}).raise_for_status()


def create(gu1):
    body = {"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR"}
    entity = gu1.post("/api/entities", json=body).json()["entity"]
    return gu1.post(LIST, json={"entityId": entity["id"], "integrationCode": CODE})


def created(gu1):
    return gu1.get("/_mock/ledger").json()["created"]


def spoken(server, path=LIST):
    """All bytes until the server closes the connection."""
    host, port = server.server_address
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: gu1\r\nAuthorization: {AUTHORIZED['Authorization']}\r\n\r\n".encode()
        )
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(("kind", "error"), [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError)])
def test_lost_answer_commits_only_where_it_says_so(gu1, kind, error, when, count):
    order(gu1, kind, operation="create_validation", when=when)
    with pytest.raises(error):
        create(gu1)
    assert created(gu1) == count


def test_reset_is_a_tcp_reset(gu1, server):
    order(gu1, "reset")
    with pytest.raises(ConnectionResetError):
        spoken(server)


def test_hanging_call_outlasts_a_read_timeout(gu1):
    order(gu1, "hang", operation="create_validation", seconds=2, when="after")
    gu1.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        create(gu1)
    assert created(gu1) == 1


def test_hanging_call_ends_when_its_time_is_over(gu1):
    order(gu1, "hang", seconds=0.2)
    started = time.monotonic()
    with pytest.raises(httpx.HTTPError):
        gu1.get(LIST)
    assert 0.15 < time.monotonic() - started < 2


@pytest.mark.parametrize("part", ["headers", "body"])
def test_drip_comes_slowly_but_whole(gu1, part):
    order(gu1, "drip", part=part, bytes=5, interval=0.01)
    started = time.monotonic()
    assert gu1.get(LIST).json() == {"validations": []}
    assert time.monotonic() - started >= 0.02


def test_answer_that_breaks_the_protocol_is_an_error(gu1):
    for kind in ("truncate", "bad_chunk", "garbage_status"):
        order(gu1, kind)
        with pytest.raises(httpx.RemoteProtocolError):
            gu1.get(LIST)


def test_answer_is_sent_twice(gu1, server):
    order(gu1, "duplicate")
    assert spoken(server).count(b"HTTP/1.1 200 OK") == 2


def test_interim_answers_come_before_the_real_one(gu1, server):
    order(gu1, "interim", count=250)
    said = spoken(server)
    assert said.count(b"HTTP/1.1 103 Early Hints") == 250
    assert said.endswith(b'{"validations":[]}\n')


def test_late_commit_closes_without_an_answer(gu1):
    order(gu1, "late", operation="create_validation", seconds=0.05)
    with pytest.raises(httpx.RemoteProtocolError):
        create(gu1)
    deadline = time.monotonic() + 5
    while created(gu1) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert created(gu1) == 1


def test_gzip_bomb_inflates_for_whoever_lets_it(gu1):
    order(gu1, "gzip_bomb", mib=2)
    assert len(gu1.get(LIST).content) == 2 * 1024 * 1024


def test_connection_is_kept_between_calls(gu1):
    assert gu1.get(LIST).headers.get("Connection") is None
    assert [gu1.get(LIST).status_code for _ in range(3)] == [200, 200, 200]


def test_body_may_come_in_chunks(gu1):
    body = b'{"type": "person", "name": "Ana", "taxId": "20123456", "countryCode": "AR"}'
    assert gu1.post("/api/entities", content=iter([body[:20], body[20:]])).status_code == 201


def test_impossible_length_is_refused(server):
    for length in ("nonsense", "-5", "99999999999"):
        with socket.create_connection(server.server_address, timeout=5) as connection:
            connection.sendall(f"POST {LIST} HTTP/1.1\r\nHost: gu1\r\nContent-Length: {length}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 400"), length


def test_client_that_vanishes_hurts_nobody(gu1, server):
    order(gu1, "drip", bytes=1, interval=0.01)
    with socket.create_connection(server.server_address) as connection:
        connection.sendall(f"GET {LIST} HTTP/1.1\r\nHost: gu1\r\n\r\n".encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.1)
    assert gu1.get(LIST).status_code == 200


def test_many_at_once_are_counted_one_by_one(gu1):
    order(gu1, "status", operation="create_entity", times=5)
    body = {"type": "person", "name": "Ana", "countryCode": "AR"}
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: gu1.post("/entities", json=body | {"taxId": str(20_000_000 + n)}), range(40))
        assert sorted(answer.status_code for answer in answers) == [201] * 35 + [503] * 5
