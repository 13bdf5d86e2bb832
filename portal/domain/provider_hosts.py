"""The allowed hosts of hosted pages."""

from __future__ import annotations

from collections.abc import Iterable

from portal.domain.web_addresses import ascii_host, is_loopback, split_web_url

ANY_LOOPBACK = "*"


def named_hosts(patterns: Iterable[str]) -> str:
    """As people read them."""
    return ", ".join(host.removeprefix(".") for host in patterns if host != ANY_LOOPBACK)


class ProviderHosts:
    def __init__(self, hosts: Iterable[str]) -> None:
        """`verify.example.com` allows that host, `.example.com` any host below it, `*` loopback only."""
        self._hosts = tuple(map(parsed_provider_host, hosts))

    def allowed(self, url: str) -> str | None:
        """The URL, its host in its one form, if the hosted page may be there; None if not.

        https only, except to loopback; no user names, and no characters that URL parsers treat differently.
        """
        if not url.isascii() or "@" in url:
            return None
        try:
            parts = split_web_url(url)
        except ValueError:
            return None
        host = parts.hostname or ""
        if parts.scheme != "https" and not is_loopback(host):
            return None
        return parts.geturl() if any(_matches(host, allowed) for allowed in self._hosts) else None


def parsed_provider_host(text: str) -> str:
    """As the portal's headers may contain it. Raises `ValueError`."""
    if text == ANY_LOOPBACK:
        return text
    dot = "." if text.startswith(".") else ""
    host = ascii_host(text.removeprefix("."))
    if ":" in host:
        raise ValueError("must not be an IPv6 address, which no Content-Security-Policy can name")
    return dot + host


def _matches(host: str, allowed: str) -> bool:
    if allowed == ANY_LOOPBACK:
        return is_loopback(host)
    return host.endswith(allowed) if allowed.startswith(".") else host == allowed
