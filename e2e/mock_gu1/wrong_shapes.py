"""Wrong bodies by number: first complete ones, then the right body with one bad key."""

from __future__ import annotations

import json
from typing import Any

LONG = "x" * 70_000
OTHER_ID = "00000000-0000-4000-8000-000000000000"

WHOLE: tuple[bytes, ...] = (
    b"",
    b" \r\n",
    b"null",
    b"true",
    b"0",
    b"-1e400",
    b"NaN",
    b'"ok"',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"[" * 20_000,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b'{"id": ',
    b'{"id": "1",}',
    b"{'id': '1'}",
    b"{id: 1}",
    b'{"id": "1"} {"id": "2"}',
    b'{"id": "1", "id": ["2"]}',
    b'{"id": "\xff\xfe"}',
    b'{"id": "\\ud800"}',
    b'{"id": "\x00"}',
    b'\xef\xbb\xbf{"id": "1"}',
    '{"id": "1"}'.encode("utf-16"),
    '{"id": "1"}'.encode("utf-32-le"),
    b"9" * 10_000,
    b'{"success": true}',
    b'{"success": false, "entity": null, "data": null}',
    b'{"error": null}',
    b'{"error": {"code": {"code": []}}}',
    b'{"entity": [], "data": "x", "id": {}}',
    b'{"validations": null}',
    b'{"validations": {"id": "1"}, "total": "many"}',
    b'{"validations": [null, 1, "x", [], {}], "total": -1, "page": 0, "limit": 0}',
    b'{"entities": {"0": {}}}',
    b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>",
    b"<?xml version='1.0'?><error/>",
    b"data: {}\n\n",
)
MISSING = object()
SPOILT: tuple[Any, ...] = (
    MISSING,
    None,
    True,
    0,
    -1.5,
    1e300,
    2**64,
    "",
    " ",
    LONG,
    "../../etc/passwd?x=1#y",
    "javascript:alert(1)",
    "\u202e\u0000\ud83d",
    OTHER_ID,
    [],
    {},
    [["x"]],
    {"id": 1},
)
KEYS = (
    "id",
    "entityId",
    "status",
    "providerSessionUrl",
    "validationSessionId",
    "createdAt",
    "updatedAt",
    "expiresAt",
    "metadata",
    "warnings",
    "isCurrent",
    "validations",
    "entity",
    "externalId",
)
COUNT = len(WHOLE) + len(KEYS) * len(SPOILT)


def wrong_shape(number: int, right: bytes) -> bytes:
    """The same number has the same effect; numbers from `COUNT` up wrap around."""
    number %= COUNT
    if number < len(WHOLE):
        return WHOLE[number]
    key, value = divmod(number - len(WHOLE), len(SPOILT))
    try:
        body = json.loads(right)
    except ValueError:
        body = {}
    return json.dumps(_spoilt(body, KEYS[key], SPOILT[value])).encode()


def described(number: int) -> str:
    if number < len(WHOLE):
        return repr(WHOLE[number][:60])
    key, value = divmod(number - len(WHOLE), len(SPOILT))
    spoilt = SPOILT[value]
    return f"{KEYS[key]} missing" if spoilt is MISSING else f"{KEYS[key]} = {ascii(spoilt)[:60]}"


def _spoilt(body: Any, key: str, value: Any) -> Any:
    """Changes the key in every row and inside envelopes; adds it on top if it is missing."""
    if isinstance(body, list):
        return [_spoilt(item, key, value) for item in body]
    if not isinstance(body, dict):
        return body
    spoilt = {name: _inside(name, item, key, value) for name, item in body.items() if name != key}
    return spoilt if value is MISSING else spoilt | {key: value}


def _inside(name: str, item: Any, key: str, value: Any) -> Any:
    return _spoilt(item, key, value) if name in {"entity", "data", "validations", "entities"} else item
