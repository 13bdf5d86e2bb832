"""A mail server on loopback that answers as a test wants, and keeps what it was given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.ports import free_port

OK = "250 OK"


class MailServer:
    def __init__(self) -> None:
        self.port = free_port()
        self.to: list[str] = []
        self.mails: list[EmailMessage] = []
        self.answers: dict[str, list[str]] = {"MAIL": [], "RCPT": [], "DATA": []}
        """By command, what is answered next; afterwards all is well."""
        self.hangs_up_after_data = False
        self.delay = 0.0
        self.user = ("portal", "secret")

    def _next(self, command: str) -> str:
        return self.answers[command].pop(0) if self.answers[command] else OK

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        answer = self._next("MAIL")
        if answer == OK:
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        answer = self._next("RCPT")
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.hangs_up_after_data:
            server.transport.abort()
            return OK
        answer = self._next("DATA")
        if answer == OK:
            self.to += envelope.rcpt_tos
            self.mails.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return answer

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        right = (given.login.decode(), given.password.decode()) == self.user
        return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, needs_password: bool = False, takes_utf8: bool = True
) -> Iterator[MailServer]:
    found = MailServer()
    options: dict[str, Any] = {"auth_required": needs_password, "authenticator": found.authenticate}
    if tls and needs_password:
        options["auth_require_tls"] = False  # it is encrypted from the first byte on, which aiosmtpd does not notice
    controller = Controller(found, "127.0.0.1", found.port, ssl_context=tls, enable_SMTPUTF8=takes_utf8, **options)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()
