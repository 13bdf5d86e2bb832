"""The allowed hosts of hosted pages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from portal.domain.web_addresses import ascii_host, is_loopback, split_web_url

ANY_LOOPBACK = "*"
_PUBLIC_SUFFIX = re.compile(r"((com?|net|org|edu|ac|go[bv]?|gub|mil|or|ne|nom|inc|ltd|plc|tur|int)\.)?[a-z]{2}|[^.]+")
"""Of the many that there are: `com`, `ar`, `com.ar`, `co.uk`."""
_HOSTERS = {
    *("vercel.app", "netlify.app", "pages.dev", "workers.dev", "github.io", "gitlab.io", "web.app", "firebaseapp.com"),
    *("herokuapp.com", "onrender.com", "fly.dev", "azurewebsites.net", "cloudfront.net", "amazonaws.com", "ngrok.io"),
    *("appspot.com", "run.app", "blob.core.windows.net", "ngrok-free.app", "surge.sh", "repl.co", "glitch.me"),
}


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


def is_anybodys(pattern: str) -> bool:
    """A pattern for hosts below one at which strangers can have a host of their own."""
    name = pattern.removeprefix(".")
    return name != pattern and (_PUBLIC_SUFFIX.fullmatch(name) is not None or name in _HOSTERS)


def _matches(host: str, allowed: str) -> bool:
    if allowed == ANY_LOOPBACK:
        return is_loopback(host)
    return host.endswith(allowed) if allowed.startswith(".") else host == allowed
