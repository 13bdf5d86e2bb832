"""Each toxic of the fault proxy affects the chosen exchange as documented, and no other."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing

import httpx
import pytest

from e2e.bench import toxics
from e2e.bench.proxy import WirePoint, proxying
from e2e.bench.toxics import ANSWER, CLIENT, REQUEST, SERVER
from e2e.mock_gu1.server import serving
from tests.local_http import LOCAL

LENGTH = 1000


class Echo:
    """Answers with the request's body and records each request."""

    def __init__(self):
        self.asked = []

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.asked.append((environ["PATH_INFO"], body))
        answer = body * 2 if environ["PATH_INFO"] == "/twice" else body
        start_response("200 OK", [("Content-Length", str(len(answer))), ("Content-Type", "text/plain")])
        return [answer]


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def proxy(echo):
    with serving(echo) as server, proxying(server.url) as running:
        yield running


@pytest.fixture
def client(proxy):
    with httpx.Client(base_url=proxy.url, timeout=1.0, **LOCAL) as connected:
        yield connected


def ask(client, path="/here", body=b"x" * LENGTH):
    return client.post(path, content=body)


def took(work):
    started = time.monotonic()
    work()
    return time.monotonic() - started


def test_many_exchanges_pass_through_one_kept_connection_untouched(client, echo):
    assert [ask(client, body=b"%d" % number).content for number in range(20)] == [b"%d" % it for it in range(20)]
    assert client.get("/nothing").content == b""
    assert len(echo.asked) == 21


def test_only_the_nth_matching_requests_are_struck(client, proxy):
    order = proxy.strike(toxics.reset(), request=b"POST /here ", nth=2, times=2)
    ask(client)
    ask(client, "/here/not")
    for _ in range(2):
        with pytest.raises(httpx.ReadError):
            ask(client)
    assert ask(client).status_code == 200
    assert order.struck == 2


def test_lifted_order_strikes_no_more(client, proxy):
    order = proxy.strike(toxics.reset(), times=1000)
    with pytest.raises(httpx.ReadError):
        ask(client)
    order.lift()
    assert ask(client).status_code == 200


@pytest.mark.parametrize("way", [REQUEST, ANSWER])
def test_latency_takes_its_time_each_way(client, proxy, way):
    proxy.strike(toxics.latency(**{way: 0.2}))
    assert 0.2 <= took(lambda: ask(client)) < 0.8
    assert took(lambda: ask(client)) < 0.2


@pytest.mark.parametrize("way", [REQUEST, ANSWER])
def test_drip_delivers_everything_slowly(client, proxy, way):
    proxy.strike(toxics.drip(way, size=400, interval=0.05))
    sent = []
    assert took(lambda: sent.append(ask(client))) >= 0.1
    assert sent[0].content == b"x" * LENGTH


def test_reset_before_anything_was_asked_leaves_the_server_alone(client, proxy, echo):
    proxy.strike(toxics.reset(REQUEST, after=0))
    with pytest.raises(httpx.ReadError):
        ask(client)
    assert echo.asked == []


def test_reset_within_the_request_leaves_it_undone(client, proxy, echo):
    proxy.strike(toxics.reset(REQUEST, after=LENGTH))
    with pytest.raises(httpx.ReadError):
        ask(client)
    assert echo.asked == []


def test_reset_within_the_answer_comes_after_the_work_was_done(client, proxy, echo):
    proxy.strike(toxics.reset(ANSWER, after=150))
    with pytest.raises(httpx.ReadError):
        ask(client)
    assert len(echo.asked) == 1


def test_truncated_answer_ends_politely_in_its_middle(proxy, echo):
    proxy.strike(toxics.truncate(ANSWER, after=17))
    with closing(asked_raw(proxy)) as connection:
        assert everything_from(connection) == b"HTTP/1.1 200 OK\r\n"
    assert len(echo.asked) == 1


def test_truncated_request_ends_politely_in_its_middle(client, proxy, echo):
    proxy.strike(toxics.truncate(REQUEST, after=len("POST /here")))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    assert echo.asked == []


def test_black_hole_says_nothing_and_passes_nothing_on(client, proxy, echo):
    proxy.strike(toxics.black_hole())
    with pytest.raises(httpx.ReadTimeout):
        client.post("/here", content=b"x", timeout=0.2)
    assert echo.asked == []
    assert ask(client).status_code == 200


def test_black_hole_for_the_answer_alone_lets_the_work_be_done(client, proxy, echo):
    proxy.strike(toxics.black_hole(ANSWER))
    with pytest.raises(httpx.ReadTimeout):
        client.post("/here", content=b"x", timeout=0.2)
    assert len(echo.asked) == 1


def test_one_byte_is_corrupted_either_way(client, proxy, echo):
    proxy.strike(toxics.corrupt(REQUEST))
    assert ask(client, body=b"whole").content == echo.asked[0][1] != b"whole"
    proxy.strike(toxics.corrupt(ANSWER), request=b"whole")
    spoilt = ask(client, body=b"whole").content
    assert echo.asked[1][1] == b"whole"
    assert spoilt[:4] == b"whol"
    assert spoilt != b"whole"


def test_half_close_towards_the_client_withholds_the_answer(client, proxy, echo):
    proxy.strike(toxics.half_close(CLIENT))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    eventually(lambda: len(echo.asked) == 1)


def test_half_close_towards_the_server_still_brings_the_answer(client, proxy):
    proxy.strike(toxics.half_close(SERVER))
    assert ask(client).content == b"x" * LENGTH


def test_refused_port_opens_again(client, proxy):
    ask(client)
    reopen = proxy.refuse()
    with pytest.raises(httpx.ConnectError):
        httpx.post(proxy.url, content=b"x", **LOCAL)
    reopen()
    assert ask(client).status_code == 200


@pytest.mark.parametrize("with_reset", [False, True], ids=["closed", "reset"])
def test_connections_are_accepted_and_ended_at_once(client, proxy, echo, with_reset):
    pick_up = proxy.hang_up(with_reset=with_reset)
    # A reset that came before the client wrote looks like an end to whoever reads afterwards.
    with pytest.raises(httpx.TransportError):
        ask(client)
    pick_up()
    assert ask(client).status_code == 200
    assert len(echo.asked) == 1


def test_clogged_port_lets_nobody_through(client, proxy):
    unclog = proxy.clog()
    with pytest.raises(httpx.ConnectTimeout):
        client.post("/here", content=b"x", timeout=0.3)
    unclog()
    assert ask(client).status_code == 200


def test_points_come_in_their_order_and_hold_the_exchange(client, proxy, echo):
    seen = []
    for point in WirePoint:
        proxy.at(point, request=b"POST /here ", do=lambda point=point: seen.append((point, len(echo.asked))))
    ask(client, "/elsewhere")
    ask(client)
    eventually(lambda: len(seen) == 4)
    assert [point for point, _ in seen] == list(WirePoint)
    assert seen[0][1] == 1
    assert seen[2][1] == 2


@pytest.mark.parametrize(("point", "calls"), [(WirePoint.SEEN, 0), (WirePoint.ANSWERING, 1)])
def test_exchange_can_be_cut_at_a_point(client, proxy, echo, point, calls):
    order = proxy.at(point, cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    assert order.wait(1)
    assert len(echo.asked) == calls


def test_others_go_on_while_one_exchange_stands_still(client, proxy):
    released = threading.Event()
    order = proxy.at(WirePoint.SEEN, request=b"/slow", do=lambda: released.wait(5))
    held = threading.Thread(target=lambda: httpx.get(f"{proxy.url}/slow", **LOCAL))
    held.start()
    assert not order.wait(0.05)
    assert took(lambda: ask(client)) < 0.5
    released.set()
    held.join()
    assert order.struck == 1


def eventually(condition):
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def asked_raw(proxy):
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=2)
    connection.sendall(b"POST /here HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
    return connection


def everything_from(connection):
    parts = []
    while part := connection.recv(1000):
        parts.append(part)
    return b"".join(parts)
