"""What a fault does to one call: whether it takes effect, and what is answered."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Any

from e2e.mock_gu1 import wire
from e2e.mock_gu1.exchange import Answer, Call, Script
from e2e.mock_gu1.wrong_shapes import wrong_shape

Parameters = dict[str, Any]
MIB = 1024 * 1024
_GZIP = 31
BODIES: dict[str, tuple[str, bytes]] = {
    "json": ("application/json", json.dumps({"error": "FAULT", "message": "As the fault says"}).encode()),
    "nested": ("application/json", json.dumps({"error": {"code": "FAULT", "message": "As the fault says"}}).encode()),
    "html": ("text/html", b"<!DOCTYPE html><title>Fault</title><h1>As the fault says</h1>"),
    "text": ("text/plain", b"As the fault says"),
    "empty": ("application/json", b""),
    "truncated": ("application/json", b'{"error": "FAU'),
}


@dataclass(frozen=True, slots=True)
class Context:
    """A seeded random generator and a way to delay work."""

    random: Random
    later: Callable[[float, Callable[[], object]], None]


def latency(call: Call, told: Parameters, context: Context) -> Answer:
    """`jitter`: so much more or less, at random."""
    seconds = max(0.0, told["seconds"] + context.random.uniform(-told["jitter"], told["jitter"]))
    if told["when"] == "before":
        time.sleep(seconds)
        return call.commit()
    answer = call.commit()
    time.sleep(seconds)
    return answer


def status(call: Call, told: Parameters, _: Context) -> Answer:
    _commit_first(call, told)
    mimetype, body = BODIES[told["body"]]
    headers = [("Content-Type", mimetype), ("Content-Length", str(len(body)))]
    if told["retry_after"] != "":
        headers.append(("Retry-After", str(told["retry_after"])))
    return Answer(_status_line(told["status"]), headers, [body])


def reset(call: Call, told: Parameters, _: Context) -> Script:
    _commit_first(call, told)
    return wire.reset


def close(call: Call, told: Parameters, _: Context) -> Script:
    _commit_first(call, told)
    return wire.say(b"")


def hang(call: Call, told: Parameters, _: Context) -> Script:
    _commit_first(call, told)
    return wire.hang(told["seconds"])


def drip(call: Call, told: Parameters, _: Context) -> Script:
    answer = call.commit()
    return wire.drip(answer, part=told["part"], size=told["bytes"], interval=told["interval"])


def truncate(call: Call, told: Parameters, _: Context) -> Script:
    answer = call.commit()
    whole = answer.body
    declared = answer.with_body(whole + bytes(told["missing"]) if told["missing"] > 0 else whole)
    return wire.say(declared.head() + whole)


def bad_chunk(call: Call, _: Parameters, __: Context) -> Script:
    return wire.bad_chunk(call.commit())


def garbage_status(call: Call, told: Parameters, context: Context) -> Script:
    answer = call.commit()
    line = context.random.randbytes(told["bytes"]).replace(b"\n", b"?")
    return wire.say(line + b"\r\n" + answer.head() + answer.body)


def garbage_body(call: Call, told: Parameters, context: Context) -> Answer:
    return call.commit().with_body(context.random.randbytes(told["bytes"]))


def wrong(call: Call, told: Parameters, _: Context) -> Answer:
    answer = call.commit()
    return answer.with_body(wrong_shape(told["number"], answer.body), Content_Type="application/json")


def huge(call: Call, told: Parameters, _: Context) -> Answer:
    answer = call.commit().with_body(b"")
    length = told["mib"] * MIB
    headers = [(name, str(length) if name == "content-length" else value) for name, value in answer.headers]
    return Answer(answer.status, headers, _padding(told["mib"]))


def gzip_bomb(call: Call, told: Parameters, _: Context) -> Answer:
    return call.commit().with_body(_zeros(told["mib"]), Content_Encoding="gzip")


def redirect(call: Call, told: Parameters, _: Context) -> Answer:
    _commit_first(call, told)
    headers = [("Location", told["location"]), ("Content-Length", "0")]
    return Answer(_status_line(told["status"]), headers, [b""])


def duplicate(call: Call, _: Parameters, __: Context) -> Script:
    return wire.twice(call.commit())


def interim(call: Call, told: Parameters, _: Context) -> Script:
    return wire.interim(call.commit(), count=told["count"])


def late(call: Call, told: Parameters, context: Context) -> Answer | Script:
    context.later(told["seconds"], call.commit)
    body = json.dumps({"error": "GATEWAY_TIMEOUT", "message": "It will be done, and you will not hear of it"}).encode()
    lost = Answer(_status_line(504), [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], [body])
    return wire.say(b"") if told["answer"] == "none" and call.can_go_raw else lost


def stale(call: Call, told: Parameters, _: Context) -> Answer:
    return call.commit(**{"mock_gu1.lag": told["seconds"]})


def _commit_first(call: Call, told: Parameters) -> None:
    if told["when"] == "after":
        _ = call.commit().body


def _status_line(code: int) -> str:
    known = code in {status.value for status in HTTPStatus}
    return f"{code} {HTTPStatus(code).phrase if known else 'Unknown'}"


def _padding(mib: int) -> Iterator[bytes]:
    yield b'{"padding": "'
    for _ in range(mib - 1):
        yield b"x" * MIB
    yield b"x" * (MIB - 15) + b'"}'


def _zeros(mib: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mib)), packer.flush()])
