"""Against real servers that say anything at all: an outcome each time, within the deadline, and nothing told on."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal.http.notifier import HttpNotifier, Lookup
from portal.services.notification import DeliveryResult
from tests.gu1.certificates import a_self_signed_certificate
from tests.gu1.raw_server import Behaviour, dripping, hang, raw_server, read_request, reset, saying
from tests.ports import free_port

BODY = b'{"type":"onboarding.updated"}'
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,abc"}
DEADLINE = 1.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def a_notifier(**changes: Any) -> HttpNotifier:
    return HttpNotifier(**{"deadline": DEADLINE, "connect_timeout": DEADLINE, **changes})


def send(*urls: str, **changes: Any) -> DeliveryResult:
    """What came of the last."""

    async def run() -> DeliveryResult:
        notifier = a_notifier(**changes)
        try:
            return [await notifier.send(url, BODY, HEADERS) for url in urls][-1]
        finally:
            await notifier.aclose()

    return asyncio.run(run())


def send_to(
    behave: Behaviour, *, times: int = 1, path: str = "/hook?key=hush", scheme: str = "http", **tls: Any
) -> DeliveryResult:
    async def run() -> DeliveryResult:
        notifier = a_notifier()
        async with raw_server(behave, **tls) as address:
            answers = [await notifier.send(f"{scheme}://{address}{path}", BODY, HEADERS) for _ in range(times)]
        await notifier.aclose()
        return answers[-1]

    return asyncio.run(run())


class Listening:
    """Answers, and keeps what it was sent."""

    def __init__(self, answer: bytes = OK) -> None:
        self.requests: list[bytes] = []
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await read_request(reader))
        writer.write(self._answer)
        await writer.drain()


def test_one_post_with_body_and_signature() -> None:
    listening = Listening()
    assert send_to(listening) == DeliveryResult(200)
    (request,) = listening.requests
    head, body = request.split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /hook?key=hush HTTP/1.1\r\n") and body == BODY
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert {name.encode(): value.encode() for name, value in HEADERS.items()}.items() <= headers.items()
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"user-agent"].startswith(b"kyc-onboarding-portal")


def test_name_and_password_of_a_developers_backend_are_sent() -> None:
    listening = Listening()

    async def run() -> None:
        notifier = a_notifier()
        async with raw_server(listening) as address:
            await notifier.send(f"http://me%40shop:se%3Acret@{address}/hook", BODY, HEADERS)
        await notifier.aclose()

    asyncio.run(run())
    head = listening.requests[0].split(b"\r\n\r\n", 1)[0]
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Basic " + b64encode(b"me@shop:se:cret") in head


@pytest.mark.parametrize("status", [204, 400, 404, 410, 500, 503])
def test_any_status_is_an_answer(status: int) -> None:
    assert send_to(saying(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)) == DeliveryResult(status)


@pytest.mark.asvs("13.2.4", "15.3.2")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    elsewhere = Listening()

    async def run() -> DeliveryResult:
        async with raw_server(elsewhere) as other:
            location = b"HTTP/1.1 %d X\r\nLocation: http://%s/\r\nContent-Length: 0\r\n\r\n" % (status, other.encode())
            async with raw_server(saying(location)) as address:
                notifier = a_notifier()
                return await notifier.send(f"http://{address}/", BODY, HEADERS)

    assert asyncio.run(run()) == DeliveryResult(status)
    assert elsewhere.requests == []


@pytest.mark.parametrize("location", ["//[", "https://xn--/", "http://é"])
def test_redirect_to_nonsense_is_an_answer_too(location: str) -> None:
    head = b"HTTP/1.1 302 X\r\nLocation: " + location.encode() + b"\r\nContent-Length: 0\r\n\r\n"
    assert send_to(saying(head)) == DeliveryResult(302)


@pytest.mark.parametrize(
    ("header", "seconds"), [(b"7", 7), (b"999999", 86400), (b"soon", None), (b"Mon, 02 Mar 2020 12:00:00 GMT", None)]
)
def test_when_to_come_back_is_heard(header: bytes, seconds: float | None) -> None:
    answer = send_to(saying(b"HTTP/1.1 503 X\r\nRetry-After: " + header + b"\r\nContent-Length: 0\r\n\r\n"))
    assert answer == DeliveryResult(503, retry_after=seconds)


BROKEN: dict[str, Behaviour] = {
    "hang": hang,
    "reset": reset,
    "closed without a word": saying(b""),
    "garbage": saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "endless headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    "one huge header": saying(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 1_000_000),
    "endless interim answers": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", BROKEN)
def test_no_answer_is_an_outcome_within_the_deadline(name: str) -> None:
    began = time.monotonic()
    answer = send_to(BROKEN[name])
    assert answer.failure and not answer.is_success and answer.http_status is None
    assert time.monotonic() - began < DEADLINE + 1


@pytest.mark.long
def test_slow_body_does_not_undo_the_answer() -> None:
    began = time.monotonic()
    assert send_to(dripping(CHUNKED, b"1\r\n \r\n")) == DeliveryResult(200)
    assert time.monotonic() - began < DEADLINE + 1


def test_huge_body_is_not_read_to_its_end() -> None:
    written = 0

    async def gush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while written < 200_000_000:
            writer.write(b" " * 65536)
            await writer.drain()
            written += 65536

    assert send_to(gush) == DeliveryResult(200)
    assert written < 50_000_000


def test_cut_body_does_not_undo_the_answer() -> None:
    assert send_to(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")) == DeliveryResult(200)


def test_nobody_there_is_no_connection() -> None:
    assert send(f"http://127.0.0.1:{free_port()}/").failure == "no connection"


def raising(error: Exception) -> Lookup:
    def look_up(_host: str, _port: int) -> list[str]:
        raise error

    return look_up


@pytest.mark.parametrize("look_up", [raising(socket.gaierror()), lambda _host, _port: []])
def test_unknown_host_is_said_so(look_up: Lookup) -> None:
    assert send("https://nobody.example/", look_up=look_up).failure == "host not found"


@pytest.mark.parametrize("error", [UnicodeError("label too long"), KeyError("host"), MemoryError()])
def test_look_up_that_breaks_down_is_an_outcome_at_once(error: Exception) -> None:
    assert send("https://nobody.example/", look_up=raising(error)).failure == type(error).__name__


def test_missing_thread_for_names_fails_one_try_only(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[threading.Thread] = []
    start = threading.Thread.start

    def start_second(thread: threading.Thread) -> None:
        began.append(thread)
        if len(began) == 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_second)
    url = f"http://127.0.0.1:{free_port()}/"
    assert send(url).failure == "RuntimeError"
    began.clear()
    assert send(url, url).failure == "no connection"


class Watched(ThreadPoolExecutor):
    """The threads that everybody shares."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[object] = []

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        self.given.append(work)
        return super().submit(work, *arguments, **named)


def send_to_shop(
    behave: Behaviour, *addresses: str, scheme: str = "http", **tls: Any
) -> tuple[DeliveryResult, list[object]]:
    """By its name, which only our own look-up knows; and what was left to the threads that everybody shares."""
    shared = Watched()

    async def run() -> DeliveryResult:
        asyncio.get_running_loop().set_default_executor(shared)
        notifier = a_notifier(look_up=lambda _host, _port: addresses)
        async with raw_server(behave, **tls) as address:
            port = address.rsplit(":", 1)[1]
            answer = await notifier.send(f"{scheme}://shop.example:{port}/", BODY, HEADERS)
        await notifier.aclose()
        return answer

    return asyncio.run(run()), shared.given


def test_address_that_was_found_is_not_looked_up_again() -> None:
    listening = Listening()
    assert send_to_shop(listening, "127.0.0.1") == (DeliveryResult(200), [])
    assert b"\r\nhost: shop.example:" in listening.requests[0].lower()


def test_certificate_is_asked_for_by_name(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(a_self_signed_certificate(tmp_path))
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    answer, shared = send_to_shop(Listening(), "127.0.0.1", scheme="https", tls=tls)
    assert (answer.failure, asked, shared) == ("certificate not trusted", ["shop.example"], [])


@pytest.mark.parametrize("dead", [["127.0.0.2"], ["::1"], ["127.0.0.2", "::1"], ["127.0.0.2", "127.0.0.2", "::1"]])
def test_address_that_is_dead_leads_to_the_next(dead: list[str]) -> None:
    assert send_to_shop(Listening(), *dead, "127.0.0.1") == (DeliveryResult(200), [])


def test_other_ip_version_is_tried_second() -> None:
    dead = ["::1", "::2", "::3", "::4", "::5"]
    assert send_to_shop(Listening(), *dead, "127.0.0.1") == (DeliveryResult(200), [])


@pytest.mark.asvs("12.3.2")
def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(a_self_signed_certificate(tmp_path))
    listening = Listening()
    assert send_to(listening, scheme="https", tls=tls).failure == "certificate not trusted"
    assert listening.requests == []


def test_cookies_are_not_kept() -> None:
    listening = Listening(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    send_to(listening, times=2)
    assert len(listening.requests) == 2
    assert b"cookie" not in listening.requests[1].lower()


def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert send_to(Listening()) == DeliveryResult(200)


@pytest.mark.long
def test_name_server_that_hangs_holds_up_one_host_only() -> None:
    answers, asked = threading.Event(), []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        if host == "dead.example":
            answers.wait(10)
        return ["127.0.0.1"]

    async def run() -> tuple[list[DeliveryResult], DeliveryResult]:
        notifier = a_notifier(look_up=look_up)
        dead = [asyncio.create_task(notifier.send("https://dead.example/", BODY, HEADERS)) for _ in range(50)]
        await asyncio.sleep(0)
        async with raw_server(Listening()) as address:
            alive = await notifier.send(f"http://{address}/", BODY, HEADERS)
        return await asyncio.gather(*dead), alive

    lost, alive = asyncio.run(run())
    answers.set()
    assert alive == DeliveryResult(200)
    assert {answer.failure for answer in lost} == {"timed out"}
    assert asked.count("dead.example") == 1


@pytest.mark.parametrize("behave", [saying(OK), reset, saying(b"HTTP/1.1 500 hush\r\n\r\nhush")])
def test_talkative_loggers_tell_no_address_and_no_body(behave: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("", "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "asyncio"):
        caplog.set_level(logging.DEBUG, logger)
    answer = send_to(behave)
    for secret in ("hush", "onboarding.updated", "v1,abc"):
        assert secret not in caplog.text
        assert secret not in answer.outcome
