"""The allowed hosts of hosted pages."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit


class ProviderHosts:
    def __init__(self, hosts: Iterable[str]) -> None:
        """`verify.example.com` allows that host, `.example.com` any host below it, `*` loopback only."""
        self._hosts = tuple(host.lower() for host in hosts)

    def allows(self, url: str) -> bool:
        """https only, except to loopback; no user names, and no characters that URL parsers treat differently."""
        if not url.isascii() or not url.isprintable() or any(char in url for char in " \\@"):
            return False
        try:
            parts = urlsplit(url)
            host, _port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return False
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            return False
        return any(_matches(host, allowed) for allowed in self._hosts)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _matches(host: str, allowed: str) -> bool:
    if allowed == "*":
        return is_loopback(host)
    return host.endswith(allowed) and host != allowed[1:] if allowed.startswith(".") else host == allowed
