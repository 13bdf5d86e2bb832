"""Contact addresses of a company: a page, an e-mail address or a telephone number."""

from __future__ import annotations

import re

from portal.domain.web_addresses import split_web_url

_MAIL = re.compile(r"mailto:[^@?,:/]+@[^@?,:/]+\.[^@?,:/.]+(\?.*)?")
_PHONE = re.compile(r"tel:\+?[\d().-]*\d{2}[\d().-]*")


def is_contact_url(url: str) -> bool:
    return (_is_safe(url) and bool(_MAIL.fullmatch(url) or _PHONE.fullmatch(url))) or is_page_url(url)


def is_page_url(url: str) -> bool:
    """Of a page over https."""
    try:
        return _is_safe(url) and split_web_url(url).scheme == "https"
    except ValueError:
        return False


def _is_safe(url: str) -> bool:
    return url.isascii() and url.isprintable() and not any(char in url for char in ' "<>\\')
