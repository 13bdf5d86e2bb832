"""Who asks for a page: a person, or a program that looks at links before or beside them."""

from __future__ import annotations

import re
from functools import lru_cache

from flask import request
from werkzeug.datastructures import Headers

LONGEST = 1000
"""Characters of the User-Agent that are searched; real ones are half as long."""

# What shows a link in a chat, searches it or scans it, as each says itself (seen 2026-11). The apps' own browsers, in
# which people read pages, say other words.
_ROBOTS = re.compile(
    r"^WhatsApp/|facebookexternalhit|facebookcatalog|meta-external|SkypeUriPreview|MicrosoftPreview|BingPreview|Slack-Img"
    r"|Iframely|Embedly|Google-PageRenderer|Google-InspectionTool|GoogleOther|Mediapartners-Google"
    r"|Barracuda|Proofpoint|Mimecast|(?<!cu)bot\b|crawler\b|spider\b|scanner\b",
    re.IGNORECASE,
)
_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
HEADERS_OF_PREFETCH = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in _PURPOSES)
"""As WSGI names them."""
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


@lru_cache(maxsize=512)
def is_robot(user_agent: str) -> bool:
    return _ROBOTS.search(user_agent[:LONGEST]) is not None


def is_prefetch(headers: Headers) -> bool:
    """A browser fetches the page in case its person goes there."""
    return any(_AHEAD.search(headers.get(name, "")) for name in _PURPOSES)


def is_of_robot() -> bool:
    return is_robot(request.headers.get("User-Agent", ""))


def is_visit() -> bool:
    """False for programs: nobody looks at the page then."""
    return request.method != "HEAD" and not is_of_robot() and not is_prefetch(request.headers)


def navigates() -> bool | None:
    """True if a browser says that it goes to this page, false if a script fetches it; None from older browsers."""
    mode = request.headers.get("Sec-Fetch-Mode")
    return None if mode is None else mode == "navigate"
