"""Contact addresses of a company: a page, an e-mail address or a telephone number."""

from __future__ import annotations

import re

from portal.domain.web_addresses import split_web_url

_MAIL = re.compile(r"mailto:[^@?,:/]+@[^@?,:/]+\.[^@?,:/.]+(\?.*)?")
_PHONE = re.compile(r"tel:\+?[\d().-]*\d{2}[\d().-]*")


def is_contact_url(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or any(char in url for char in ' "<>\\'):
        return False
    return bool(_MAIL.fullmatch(url) or _PHONE.fullmatch(url)) or _is_page(url)


def _is_page(url: str) -> bool:
    try:
        return split_web_url(url).scheme == "https"
    except ValueError:
        return False
