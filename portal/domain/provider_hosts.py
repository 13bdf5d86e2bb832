"""Which addresses a browser may be sent to as the hosted page."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit


class ProviderHosts:
    def __init__(self, hosts: Iterable[str]) -> None:
        """`verify.example.com` is that host, `.example.com` any host below it."""
        self._hosts = tuple(host.lower() for host in hosts)

    def allows(self, url: str) -> bool:
        """https only, save to loopback; no user names, no odd characters that parsers disagree about."""
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
