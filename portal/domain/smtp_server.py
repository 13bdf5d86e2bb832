"""The operator's mail server, as a setting names it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

from portal.domain.web_addresses import is_nearby

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    is_encrypted_at_once: bool
    """Else it has to offer STARTTLS, unless `may_be_plain`."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Raises `ValueError`, without the password."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if host is None or parts.scheme not in _PORTS or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("must be an address like smtps://user:password@mail.example.com or smtp://127.0.0.1:25")
        user, password = (None if it is None else unquote(it) for it in (parts.username, parts.password))
        if (user is None) != (password is None):
            raise ValueError("needs a user and a password, percent-encoded, or neither")
        return cls(host, port or _PORTS[parts.scheme], parts.scheme == "smtps", user, password)

    @property
    def may_be_plain(self) -> bool:
        """On this machine or in this network, and without a password to be seen."""
        return is_nearby(self.host) and self.password is None


def is_sender(text: str) -> bool:
    """An address, or a name and an address."""
    name, address = parseaddr(text)
    return text.isprintable() and _ADDRESS.fullmatch(address) is not None and (bool(name) or text == address)
