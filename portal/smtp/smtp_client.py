"""Hands mails to the operator's server, and says what became of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import SMTPUTF8
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache

import aiosmtplib

from portal.domain.smtp_server import SmtpServer
from portal.services.mail import MailContent, MailResult, Verdict
from portal.services.ports import Clock

DEADLINE = 60.0
"""In seconds, for one mail from the connection on."""
_PERMANENT = 500
_WANTS_PASSWORD = {530, 535}
# What a server answers to one mail or address; everything else is about us.
_OF_ONE_MAIL = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)


@cache
def mail_tls_context() -> ssl.SSLContext:
    """Loading the certificate authorities takes longer than sending a mail."""
    return ssl.create_default_context()


class MailServerError(Exception):
    """It takes no mails from us; its text has no password."""


@dataclass(frozen=True, slots=True)
class SmtpClient:
    server: SmtpServer
    sender: str
    """As `From` has it."""
    host: str
    """By which the portal names itself to the server."""
    clock: Clock
    deadline: float = DEADLINE

    async def send(
        self, mail_id: str, address: str, content: MailContent, hand_over: Callable[[], Awaitable[bool]]
    ) -> MailResult:
        is_handed_over, sent = False, None
        try:
            async with asyncio.timeout(self.deadline), self._connected() as client:
                await self._address(client, address)
                if not await hand_over():
                    return MailResult(Verdict.LATER, "another process has it")
                is_handed_over = True
                response = await client.data(self._message(mail_id, address, content))
                sent = MailResult(Verdict.SENT, f"{response.code}")
        except (MailServerError, aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return sent or _result(error, is_handed_over=is_handed_over)
        return sent

    async def check(self) -> str:
        """Connects as for a mail, and sends none; says how. Raises `MailServerError`."""
        try:
            async with asyncio.timeout(self.deadline), self._connected() as client:
                await client.mail(parseaddr(self.sender)[1])
                await client.rset()
                return "encrypted" if client.get_transport_info("ssl_object") else "not encrypted"
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailServerError(_words(error)) from None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        server = self.server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.is_encrypted_at_once,
            start_tls=False,
            tls_context=mail_tls_context(),
            local_hostname=self.host,
            timeout=self.deadline,
        )
        try:
            await client.connect()
            await client.ehlo()
            if not server.is_encrypted_at_once:
                await self._encrypt(client)
            if server.user is not None:
                await client.login(server.user, server.password or "")
            yield client
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=2)
        finally:
            transport = client.transport
            client.close()
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()  # no longer wait for the other side to end the encryption
            await asyncio.sleep(0)  # in which the loop closes the socket

    async def _encrypt(self, client: aiosmtplib.SMTP) -> None:
        if client.supports_extension("starttls"):
            await client.starttls()
        elif not self.server.may_be_plain:
            raise MailServerError("it offers no encryption (STARTTLS)")

    async def _address(self, client: aiosmtplib.SMTP, address: str) -> None:
        name = parseaddr(self.sender)[1]
        if address.isascii():
            await client.mail(name)
            await client.rcpt(address)
        elif client.supports_extension("smtputf8"):
            await client.mail(name, options=["SMTPUTF8"], encoding="utf-8")
            await client.rcpt(address, encoding="utf-8")
        else:
            raise aiosmtplib.SMTPRecipientRefused(553, "it takes no address beyond ASCII", "")

    def _message(self, mail_id: str, address: str, content: MailContent) -> bytes:
        message = EmailMessage(policy=SMTP_POLICY if address.isascii() else SMTPUTF8)
        name, sender = parseaddr(self.sender)
        message["From"] = formataddr((name, sender)) if name else sender
        message["To"] = address
        message["Subject"] = content.subject
        message["Date"] = format_datetime(self.clock())
        message["Message-ID"] = f"<{mail_id}@{self.host}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(content.text, cte="quoted-printable")
        message.add_alternative(content.html, subtype="html", cte="quoted-printable")
        message["Content-Language"] = content.language  # last: setting the content takes such headers away
        return message.as_bytes()


def _result(error: Exception, *, is_handed_over: bool) -> MailResult:
    words = _words(error)
    if isinstance(error, _OF_ONE_MAIL):
        if error.code < _PERMANENT:
            return MailResult(Verdict.LATER, words)
        if not _is_about_us(error):
            return MailResult(Verdict.REFUSED, words)
        return MailResult(Verdict.LATER if is_handed_over else Verdict.UNAVAILABLE, words)
    return MailResult(Verdict.UNKNOWN if is_handed_over else Verdict.UNAVAILABLE, words)


def _is_about_us(error: aiosmtplib.SMTPResponseException) -> bool:
    """Not about the address: the server relays nothing for us, or wants a password."""
    return error.code in _WANTS_PASSWORD or error.message.startswith("5.7.")


def _words(error: Exception) -> str:
    """Without what the server says beyond its code: it often repeats the address."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{_STEPS.get(type(error), 'it answered')} {error.code}"
    if isinstance(error, MailServerError):
        return str(error)
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLError):
        return f"its certificate or encryption is not right: {cause.reason}"
    return "no answer in time" if isinstance(error, TimeoutError) else "no connection"


_STEPS: dict[type[Exception], str] = {
    aiosmtplib.SMTPAuthenticationError: "it refuses the user or password:",
    aiosmtplib.SMTPSenderRefused: "it refuses PORTAL_MAIL_FROM:",
    aiosmtplib.SMTPRecipientRefused: "it refuses the address:",
    aiosmtplib.SMTPDataError: "it refuses the mail:",
}
