"""The inbox of the demo: a mail server that keeps what it is given, and pages that show it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template
from flask.typing import ResponseReturnValue

EXTENSION = "mock_gu1_inbox"
MOST_KEPT = 200

inbox_pages = Blueprint("inbox_pages", __name__)


class Inbox:
    def __init__(self) -> None:
        self._kept: deque[tuple[int, EmailMessage]] = deque(maxlen=MOST_KEPT)
        self._last = 0
        self._lock = threading.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802, as aiosmtpd calls it
        mail = message_from_bytes(envelope.content, policy=default)
        with self._lock:
            self._last += 1
            self._kept.appendleft((self._last, mail))
        return "250 OK"

    def newest_first(self) -> list[tuple[int, EmailMessage]]:
        with self._lock:
            return list(self._kept)


@contextmanager
def receiving(inbox: Inbox, host: str, port: int) -> Iterator[None]:
    """Takes mails for anybody, without encryption or a password."""
    from aiosmtpd.controller import Controller  # noqa: PLC0415, only the demo needs it

    controller = Controller(inbox, host, port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@inbox_pages.get("/mails")
def mails() -> ResponseReturnValue:
    return render_template("mails.html", mails=_inbox().newest_first())


@inbox_pages.get("/mails/<int:number>")
def mail(number: int) -> ResponseReturnValue:
    found = _found(number)
    return render_template("mail.html", number=number, mail=found, text=_body(found, "plain"))


@inbox_pages.get("/mails/<int:number>/html")
def mail_as_html(number: int) -> ResponseReturnValue:
    """As a mail program would show it: no scripts, nothing loaded."""
    shown = Response(_body(_found(number), "html"), mimetype="text/html")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-top-navigation-by-user-activation"
    )
    shown.headers["Content-Security-Policy"] = policy
    return shown


def _found(number: int) -> EmailMessage:
    return next((it for kept, it in _inbox().newest_first() if kept == number), None) or abort(404)


def _body(found: EmailMessage, kind: str) -> str:
    part = found.get_body((kind,))
    return str(part.get_content()) if part else ""


def _inbox() -> Inbox:
    found: Inbox = current_app.extensions[EXTENSION]
    return found
