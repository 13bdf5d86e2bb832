"""Stands in front of Flask and keeps its answers: those of one kind are the same except for personal values.

`portal.web.flask_app` lists functions that each recognise some requests. One of them names the kind of the answer, and
the personal values that are filled in, only if it is certain that Flask would give just this answer. Whatever no
function recognises goes to Flask, as does what is not kept yet; a request on the event loop, where Flask would hold up
everybody, is given `WOULD_BLOCK` instead, and comes back from a thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from portal.domain.web_addresses import in_brackets
from portal.web.compression import WORTH_IT, SplicedGzip, accepts
from portal.web.context import Portal
from portal.web.slots import LEAVES_SLOTS, around_slots
from portal.web.timed_requests import ROUTE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ_AHEAD = "portal.read_ahead"
"""In the WSGI environment of a request that must not wait for anything: what was read for it, or None."""
WOULD_BLOCK: tuple[bytes, ...] = (b"this answer has to be waited for",)
"""Given back instead of an answer, without a call of `start_response`."""
_LONGEST_NAME = 16
"""Of a page. What is longer in an address is a token."""
MOST_ANSWERS = 256
"""Of all kinds; then the oldest is forgotten."""


class CacheableResponse(NamedTuple):
    kind: Hashable
    """Of all that the answer depends on besides `values`."""
    release: str
    """So that no answer outlives a change of code, settings or partners."""
    values: Mapping[str, Callable[[], str]] = {}
    """What each slot of the answer is filled with; looked up only if the answer has the slot."""
    status: str = "200"
    """Any other answer is not kept."""
    besides: Callable[[], object] | None = None
    """What Flask does besides answering."""


Recognise = Callable[["WSGIEnvironment", Portal], CacheableResponse | None]


class ResponseCache:
    def __init__(
        self,
        flask: WSGIApplication,
        recognisers: Mapping[str, Sequence[Recognise]],
        *,
        portal: Callable[[], Portal],
        base_url: str,
    ) -> None:
        """`recognisers`: by method."""
        self._flask = flask
        self._recognisers = recognisers
        self._portal = portal
        host = re.escape(in_brackets(urlsplit(base_url).hostname or ""))
        hosts = re.compile(rf"{host}(?::[1-9][0-9]{{0,3}}|:[1-5][0-9]{{4}})?")
        self._is_ours = lru_cache(maxsize=64)(lambda host: hosts.fullmatch(host) is not None)
        self._answers: dict[Hashable, _Answer] = {}
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        cacheable = self._cacheable(environ)
        if cacheable is None:
            return WOULD_BLOCK if READ_AHEAD in environ else self._flask(environ, start_response)
        answer = self._answers.get((cacheable.kind, cacheable.release))
        if answer is not None:
            if cacheable.besides is not None:
                cacheable.besides()
        elif READ_AHEAD in environ:
            return WOULD_BLOCK
        else:
            answer = self._made(cacheable, environ)
            if answer is None:
                return self._flask(environ, start_response)
        environ[ROUTE] = answer.route
        headers, body = answer.filled(cacheable.values, environ.get("HTTP_ACCEPT_ENCODING", ""))
        start_response(answer.status, headers)
        return (body,) if body else ()

    def _cacheable(self, environ: WSGIEnvironment) -> CacheableResponse | None:
        recognisers = self._recognisers.get(environ["REQUEST_METHOD"])
        if recognisers is None or not self._is_plain(environ):
            return None
        portal = self._portal()
        for recognise in recognisers:
            cacheable = recognise(environ, portal)
            if cacheable is not None:
                return cacheable
        return None

    def _is_plain(self, environ: WSGIEnvironment) -> bool:
        """Of this site, and without a body; whoever recognises a POST has read its body."""
        return (
            not environ.get("SCRIPT_NAME")
            and (environ.get("CONTENT_LENGTH", "") in {"", "0"} or environ["REQUEST_METHOD"] != "GET")
            and "HTTP_TRANSFER_ENCODING" not in environ
            and self._is_ours(environ.get("HTTP_HOST", ""))
        )

    def _made(self, cacheable: CacheableResponse, environ: WSGIEnvironment) -> _Answer | None:
        """None if it is another answer than expected, or has a slot that nothing fills."""
        asked = environ | {LEAVES_SLOTS: True, "HTTP_ACCEPT_ENCODING": ""}
        status, headers, body = _answer_of(self._flask, asked)
        if not status.startswith(cacheable.status):
            return None
        again = self._cacheable(environ)
        if again is None or again.kind != cacheable.kind or _names_its_visitor(body, environ):
            return None  # what is stored changed between the two looks at it, so the answer is of another kind
        answer = _Answer(status, headers, around_slots(body), asked[ROUTE])
        if not answer.slots <= cacheable.values.keys():
            return None
        with self._lock:
            if len(self._answers) >= MOST_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[cacheable.kind, cacheable.release] = answer
        return answer


def _names_its_visitor(body: bytes, environ: WSGIEnvironment) -> bool:
    return any(len(part) > _LONGEST_NAME and part.encode() in body for part in environ["PATH_INFO"].split("/"))


class _Answer:
    def __init__(self, status: str, headers: list[tuple[str, str]], parts: list[bytes], route: str) -> None:
        """`parts`: text and names of slots by turns."""
        self.route = route
        self.status = status
        self._headers = headers
        self._texts = parts[::2]
        self._slots = [name.decode() for name in parts[1::2]]
        self.slots = set(self._slots)
        self._length = sum(map(len, self._texts))
        self._gzip = SplicedGzip(self._texts) if ("Vary", "Accept-Encoding") in headers else None

    def filled(self, values: Mapping[str, Callable[[], str]], accepted: str) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body."""
        if not self._slots and self._length < WORTH_IT:
            return self._headers.copy(), self._texts[0]
        found = {name: values[name]().encode() for name in self.slots}
        fillings = [found[name] for name in self._slots]
        length = self._length + sum(map(len, fillings))
        if self._gzip and length >= WORTH_IT and accepts("gzip", accepted):
            body = self._gzip.filled(fillings)
            return self._with_length(body, ("Content-Encoding", "gzip")), body
        pieces = [b""] * (2 * len(self._slots) + 1)
        pieces[::2], pieces[1::2] = self._texts, fillings
        body = b"".join(pieces)
        return self._with_length(body), body

    def _with_length(self, body: bytes, *more: tuple[str, str]) -> list[tuple[str, str]]:
        kept = [header for header in self._headers if header[0] != "Content-Length"]
        return [*kept, ("Content-Length", str(len(body))), *more]


def _answer_of(application: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        begun.append((status, headers))
        return lambda _data: None

    parts = application(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()
    return *begun[-1], body
