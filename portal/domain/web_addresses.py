"""Hosts and web addresses: read in this one place, and written again in one form that every parser reads alike."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{0,5}))?"
)
HIGHEST_PORT = 65535
_BEFORE_QUERY = re.compile(r"(?P<origin>[A-Za-z]+://[^/?#\\]+)(?P<path>[^?#\\]*)(?:\?(?P<query>[^#]*))?(?:#.*)?")
_ONE_DOT = re.compile(r"\.|%2e", re.IGNORECASE)
_TWO_DOTS = re.compile(r"(?:\.|%2e){2}", re.IGNORECASE)
_PRINTABLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_PLAIN_IN_PATH = "".join(char for char in _PRINTABLE_ASCII if char not in '"#<>?^`{|}')
_PLAIN_IN_QUERY = "".join(char for char in _PRINTABLE_ASCII if char not in "\"#'<>")
# A last label like these makes browsers read the name as an IPv4 address, in forms that other parsers do not know.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Browsers and Python encode these differently.
_AMBIGUOUS = frozenset("ßς\u200c\u200d")


@lru_cache(maxsize=256)  # of gu1's provider and of partners there are few
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
    # urlsplit drops some of these, browsers others.
    if not url.isprintable() or " " in url or "\\" in url.partition("?")[0]:
        raise ValueError("must be a URL of printable characters without spaces or backslashes")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.netloc or "@" in parts.netloc:
        raise ValueError("must be an http or https URL")
    return parts._replace(netloc=_authority(parts))


def as_browsers_ask(url: str) -> str:
    """An http or https URL without fragment, percent-encoded and without dots in its path as browsers make it.

    That is WHATWG's way, and `|` in a path is encoded too, as Chromium does. A URL in this form stays as it is, in
    every browser. Raises `ValueError`, without the URL in its text.
    """
    if not url.isprintable():
        raise ValueError("must have no line breaks, control characters or invisible characters")
    found = _BEFORE_QUERY.fullmatch(url.strip(" "))
    if found is None:
        raise ValueError("must be an http or https URL, with no backslash before its query: browsers read that as a /")
    if "#" in url:
        raise ValueError("must have no #fragment")
    path = quote(_without_dots(found["path"]), safe=_PLAIN_IN_PATH)
    parts = split_web_url(f"{found['origin']}{path}")
    return parts._replace(query=quote(found["query"] or "", safe=_PLAIN_IN_QUERY)).geturl()


def _without_dots(path: str) -> str:
    kept: list[str] = []
    *folders, last = path.split("/")[1:] or [""]
    for folder in folders:
        if _TWO_DOTS.fullmatch(folder):
            del kept[-1:]
        elif not _ONE_DOT.fullmatch(folder):
            kept.append(folder)
    if _TWO_DOTS.fullmatch(last):
        del kept[-1:]
    ends_in_dots = _ONE_DOT.fullmatch(last) or _TWO_DOTS.fullmatch(last)
    return "/" + "/".join([*kept, "" if ends_in_dots else last])


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


def is_nearby(host: str) -> bool:
    """On a developer's machine or in its containers: a name that no public name server knows, or a private address."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return is_loopback(host) or "." not in host or host.endswith(".internal")


def _authority(parts: SplitResult) -> str:
    # Not urlsplit's own reading, which skips what stands behind a bracket.
    found = _AUTHORITY.fullmatch(parts.netloc)
    port = int(found["port"] or DEFAULT_PORTS[parts.scheme]) if found else 0
    if found is None or not 0 < port <= HIGHEST_PORT:
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
