from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from portal.domain.errors import Malformed, NotSent, OutcomeUnknown, Unavailable
from tests.gu1.certificates import a_self_signed_certificate
from tests.gu1.clients import CALLS, READS, WRITES, Use, a_client
from tests.gu1.raw_server import Behaviour, dripping, hang, raw_server, read_request, reset, saying
from tests.gu1.rows import ID, a_row
from tests.ports import free_port

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_ROW = json.dumps(a_row()).encode()
_FOUND = _HEAD + b"Content-Length: %d\r\n\r\n" % len(_ROW) + _ROW

# What breaks while nobody knows whether gu1 has done its work.
_BROKEN: dict[str, Behaviour] = {
    "hang": hang,
    "reset": reset,
    "closed without a word": saying(b""),
    "garbage status line": saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "cut within the headers": saying(_HEAD),
    "cut within the body": saying(_HEAD + b"Content-Length: 1000\r\n\r\n" + _ROW),
    "bad chunk": saying(_CHUNKED + b"zz\r\n" + _ROW),
    "dripping headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    "dripping body": dripping(_CHUNKED, b"1\r\n \r\n"),
    "endless interim answers": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}
_UNREADABLE: dict[str, Behaviour] = {
    "gzip": saying(_HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(_ROW)),
    "oversized": saying(_HEAD + b"\r\n" + b" " * 300_000 + _ROW),
    "no JSON": saying(_HEAD + b"\r\n<html>"),
    "redirect": saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
}


def ask_at(behave: Behaviour, *uses: Use) -> Any:
    async def run() -> Any:
        async with raw_server(behave) as address:
            return await _used(f"http://{address}", *uses)

    return asyncio.run(run())


async def _used(base_url: str, *uses: Use, deadline: float = 0.6) -> Any:
    client = a_client(base_url, deadline=deadline, connect_timeout=0.5)
    try:
        return [await use(client) for use in uses][-1]
    finally:
        await client.aclose()


async def _used_over_tls(behave: Behaviour, tls: ssl.SSLContext | None) -> Any:
    async with raw_server(behave, tls) as address:
        return await _used(f"https://{address}", WRITES["create_validation"], deadline=5.0)


def test_plain_answer_is_read() -> None:
    assert ask_at(saying(_FOUND), READS["read_validation"]).gu1_id == ID


@pytest.mark.parametrize("name", CALLS)
def test_refused_connection_is_not_sent(name: str) -> None:
    with pytest.raises(NotSent):
        asyncio.run(_used(f"http://127.0.0.1:{free_port()}", CALLS[name]))


def test_unknown_host_is_not_sent() -> None:
    with pytest.raises(NotSent):
        asyncio.run(_used("https://gu1.invalid", WRITES["create_validation"]))


@pytest.mark.long
@pytest.mark.parametrize("behave", [hang, saying(b"plain HTTP"), reset])
def test_failed_handshake_is_not_sent(behave: Behaviour) -> None:
    with pytest.raises(NotSent):
        asyncio.run(_used_over_tls(behave, None))


@pytest.mark.asvs("12.3.2")
def test_untrusted_certificate_is_not_sent(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(a_self_signed_certificate(tmp_path))
    with pytest.raises(NotSent, match="ConnectError"):
        asyncio.run(_used_over_tls(saying(_FOUND), tls))


@pytest.mark.long
@pytest.mark.parametrize("name", _BROKEN)
def test_broken_write_is_in_doubt_and_in_time(name: str) -> None:
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        ask_at(_BROKEN[name], WRITES["create_validation"])
    assert time.monotonic() - started < 2.5


@pytest.mark.long
@pytest.mark.parametrize("name", _BROKEN)
def test_broken_read_is_unavailable(name: str) -> None:
    with pytest.raises(Unavailable):
        ask_at(_BROKEN[name], READS["read_validation"])


@pytest.mark.parametrize("answer", _UNREADABLE)
@pytest.mark.parametrize("call", ["create_validation", "read_validation"])
def test_unreadable_answer_is_malformed(answer: str, call: str) -> None:
    with pytest.raises(Malformed):
        ask_at(_UNREADABLE[answer], CALLS[call])


@pytest.mark.long
def test_deadline_is_for_all_pages_together() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in count():
            page = json.dumps({"validations": [a_row(id=f"v{number}")], "total": 1000}).encode()
            await read_request(reader)
            await asyncio.sleep(0.1)
            writer.write(_HEAD + b"Content-Length: %d\r\n\r\n" % len(page) + page)

    with pytest.raises(Unavailable, match="TimeoutError"):
        ask_at(slow, READS["list_validations"])


@pytest.mark.parametrize(("name", "connections"), [("read_validation", 1), ("create_validation", 2)])
def test_only_reads_share_a_connection(name: str, connections: int) -> None:
    opened = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            await read_request(reader)
            writer.write(_FOUND)

    ask_at(counting, CALLS[name], CALLS[name])
    assert opened == connections


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    assert ask_at(saying(_FOUND), READS["read_validation"]).gu1_id == ID
