"""Hosts and web addresses: read in this one place, and written again in one form that every parser reads alike."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{0,5}))?"
)
_HIGHEST_PORT = 65535
# A last label like these makes browsers read the name as an IPv4 address, in forms that other parsers do not know.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Browsers and Python encode these differently.
_AMBIGUOUS = frozenset("ßς\u200c\u200d")


def ascii_host(host: str) -> str:
    """In lower case, international names in their ASCII form, IPv6 addresses without brackets.

    Raises `ValueError` for everything that is not the name or the address of one host.
    """
    try:
        return _ip_address(host) or _name(host)
    except ValueError:  # the text of some quotes the host
        raise ValueError("is not a host name") from None


def split_web_url(url: str) -> SplitResult:
    """An http or https URL without user name, its host and port in their one form.

    Raises `ValueError`, without the URL in its text.
    """
    if not url.isprintable() or any(char in url for char in " \\"):  # urlsplit drops some of these, browsers others
        raise ValueError("must be a URL of printable characters without spaces or backslashes")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.netloc or "@" in parts.netloc:
        raise ValueError("must be an http or https URL")
    return parts._replace(netloc=_authority(parts))


def origin_of(url: str) -> str | None:
    """As browsers write it; None if it is no origin of a web page, such as `null`."""
    try:
        parts = split_web_url(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if not (parts.path or parts.query or parts.fragment) else None


def in_brackets(host: str) -> str:
    """An IPv6 address as URLs and Host headers write it; other hosts as they are."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _authority(parts: SplitResult) -> str:
    # Not urlsplit's own reading, which skips what stands behind a bracket.
    found = _AUTHORITY.fullmatch(parts.netloc)
    port = int(found["port"] or DEFAULT_PORTS[parts.scheme]) if found else 0
    if found is None or not 0 < port <= _HIGHEST_PORT:
        raise ValueError("is not a URL")
    host = ascii_host(found["name"] or found["ipv6"])
    own_port = "" if port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return in_brackets(host) + own_port


def _ip_address(host: str) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id:
        raise ValueError("an address with a zone is of one machine only")
    return str(address)


def _name(host: str) -> str:
    if _AMBIGUOUS & set(host):
        raise ValueError("browsers and Python encode this name differently")
    name = host.encode("idna").decode("ascii").lower()
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        raise ValueError("not a host name")
    return name
