"""In front of Flask: an answer that is the same for every request of its kind is made once and then given again.

`portal.web.flask_app` lists the kinds. Each has a function that names the kind of a request only if it is certain that
Flask would give the kind's answer; whatever else is asked goes to Flask.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from portal.web.context import Portal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Kind(NamedTuple):
    status: str
    """Any other answer is given once, and not kept."""
    release: str
    partner: str | None = None


class Answer(NamedTuple):
    status: str
    headers: list[tuple[str, str]]
    body: bytes


KindOf = Callable[["WSGIEnvironment", Portal], Kind | None]


class RememberedAnswers:
    def __init__(
        self, flask: WSGIApplication, kinds: Sequence[KindOf], *, portal: Callable[[], Portal], base_url: str
    ) -> None:
        self._flask = flask
        self._kinds = kinds
        self._portal = portal
        self._hosts = re.compile(rf"{re.escape(urlsplit(base_url).hostname or '')}(?::[1-9][0-9]{{0,3}}|:[1-5][0-9]{{4}})?")
        self._answers: dict[Kind, Answer] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        kind = self._kind_of(environ)
        if kind is None:
            return self._flask(environ, start_response)
        answer = self._answers.get(kind) or self._made(kind, environ)
        start_response(answer.status, answer.headers.copy())
        return (answer.body,) if answer.body else ()

    def _kind_of(self, environ: WSGIEnvironment) -> Kind | None:
        if not self._is_plain(environ):
            return None
        portal = self._portal()
        return next(filter(None, (kind_of(environ, portal) for kind_of in self._kinds)), None)

    def _is_plain(self, environ: WSGIEnvironment) -> bool:
        """A GET of this site without a body."""
        return (
            environ["REQUEST_METHOD"] == "GET"
            and not environ.get("SCRIPT_NAME")
            and environ.get("CONTENT_LENGTH", "") in {"", "0"}
            and "HTTP_TRANSFER_ENCODING" not in environ
            and self._hosts.fullmatch(environ.get("HTTP_HOST", "")) is not None
        )

    def _made(self, kind: Kind, environ: WSGIEnvironment) -> Answer:
        answer = _answer_of(self._flask, environ)
        if answer.status.startswith(kind.status):
            self._answers[kind] = answer
        return answer


def _answer_of(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
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
    return Answer(*begun[-1], body)
