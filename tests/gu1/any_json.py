"""Strategies for what gu1 might send on its worst day: JSON of any kind, and real bodies that went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

_NAMES = (
    *("id", "entityId", "status", "sessionId", "providerSessionUrl", "metadata", "decision", "warnings"),
    *("extractedData", "createdAt", "updatedAt", "expiresAt", "verifiedAt", "validations", "data", "total", "error"),
    *("entity", "entities", "pagination", "isVerified", "payload", "event", "validationId", "details", "taxId"),
)
# Words that stand for what json could not write, or what nobody wants to see in a report.
_STAND_INS = {
    b'"@deep@"': b"[" * 5_000 + b"]" * 5_000,
    b'"@huge@"': b"1" + b"0" * 4_000,
    b"@long@": b"x" * 5_000,
}
_LARGE = 5_000

_scalars = st.one_of(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    st.sampled_from(["", "true", "False", "0", "-1", "approved", "rejected", "\x00", "\ud800", "@long@", "..", "a/b"]),
    st.sampled_from(
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "٣٠", "@huge@", -1, 2**63, 1e308, "@deep@"]
    ),
)
any_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.sampled_from(_NAMES), inner),
    max_leaves=8,
)


def as_bytes(body: Any, *, ascii_only: bool = True) -> bytes:
    written = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for word, meaning in _STAND_INS.items():
        written = written.replace(word, meaning)
    return written


@st.composite
def any_bytes(draw: st.DrawFn, *bodies: Any) -> bytes:
    """What is left of `bodies` on the way, and bytes that never were any of them."""
    kind = draw(st.sampled_from(["real"] * 5 + ["garbled"] * 2 + ["json", "binary"]))
    if kind == "binary":
        return draw(st.binary(max_size=50))
    body = draw(any_json) if kind == "json" else _mutated(draw, bodies)
    written = as_bytes(body, ascii_only=draw(st.booleans()))
    return _garbled(draw, written) if kind == "garbled" else written


def _mutated(draw: st.DrawFn, bodies: tuple[Any, ...]) -> Any:
    body = deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 4))):
        if places := _places(body):
            container, key = draw(st.sampled_from(places))
            draw(st.sampled_from(_MUTATIONS))(draw, container, key)
    return body


def _garbled(draw: st.DrawFn, whole: bytes) -> bytes:
    here = draw(st.integers(0, min(len(whole), 4000)))
    head, tail = whole[:here], whole[here:]
    choices: tuple[Callable[[], bytes], ...] = (
        lambda: head,
        lambda: head + draw(st.binary(min_size=1, max_size=4)) + tail,
        lambda: head + b"\xff\xfe" + tail[2:],
        lambda: whole.replace(b"{", b'{"id": "twice", "id": 2, ', 1),
        lambda: b"\xef\xbb\xbf" + whole,
        lambda: whole + whole,
        lambda: whole.decode("utf-8", "replace").encode("utf-16"),
    )
    return draw(st.sampled_from(choices))()


def _places(body: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it, outermost first."""
    if isinstance(body, dict):
        inner = list(body.items())
    elif isinstance(body, list):
        inner = list(enumerate(body))
    else:
        return []
    return [(body, key) for key, _ in inner] + [place for _, value in inner for place in _places(value)]


def _drop(draw: st.DrawFn, container: Any, key: Any) -> None:
    del container[key]


def _retype(draw: st.DrawFn, container: Any, key: Any) -> None:
    container[key] = draw(any_json)


def _nest(draw: st.DrawFn, container: Any, key: Any) -> None:
    value = container[key]
    container[key] = draw(st.sampled_from([[value], {"data": value}, {"value": value}, json.dumps(value), str(value)]))


def _duplicate(draw: st.DrawFn, container: Any, key: Any) -> None:
    copy = deepcopy(container[key])
    if isinstance(container, list):
        container.append(copy)
    else:
        container[draw(st.sampled_from(_NAMES))] = copy


def _enlarge(draw: st.DrawFn, container: Any, key: Any) -> None:
    value = container[key]
    if len(repr(value)) < _LARGE:
        container[key] = value * 100 if isinstance(value, str) else [deepcopy(value) for _ in range(30)]


_MUTATIONS: tuple[Callable[[st.DrawFn, Any, Any], None], ...] = (_drop, _retype, _nest, _duplicate, _enlarge)
