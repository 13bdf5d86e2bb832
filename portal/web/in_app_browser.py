"""In-app browsers, in which the camera often does not work: how to leave them. Only a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from flask import request
from flask_babel import lazy_gettext as _


class Exit(StrEnum):
    """Where the app has its "open in browser" menu."""

    TOP = "top"
    BOTTOM = "bottom"
    SHARE = "share"
    UNKNOWN = "unknown"


WAYS_OUT = {
    Exit.TOP: _("Tap the three dots at the top right and choose “Open in browser” or “Open in %(browser)s”."),
    Exit.BOTTOM: _(
        "Tap the three dots at the bottom or the top right and choose “Open in browser” or “Open in %(browser)s”."
    ),
    Exit.SHARE: _("Tap the share icon or the compass and choose “Open in %(browser)s”."),
    Exit.UNKNOWN: _("Look for a menu with “Open in browser”, or copy the link and paste it into %(browser)s."),
}

LONGEST = 1000
"""Characters of the User-Agent that are searched; real ones are half as long."""


@dataclass(frozen=True, slots=True)
class App:
    name: str | None
    words: re.Pattern[str]
    """What the app adds to the User-Agent."""
    on_ios: Exit = Exit.TOP
    on_android: Exit = Exit.TOP


@dataclass(frozen=True, slots=True)
class InApp:
    app: str | None
    """None if the app does not say its name."""
    way_out: str


APPS = (
    App("Instagram", re.compile(r"\bInstagram \d")),
    App("Messenger", re.compile(r"\bFBAN/Messenger|\bFB_IAB/(Orca|MESSENGER)|\bOrca-Android"), on_ios=Exit.BOTTOM),
    App("Facebook", re.compile(r"\bFB(AN|AV|_IAB)/"), on_ios=Exit.BOTTOM),
    App("TikTok", re.compile(r"\bBytedanceWebview/|\bmusical_ly|\btrill_\d|\bTikTok \d", re.IGNORECASE)),
    App("LINE", re.compile(r" Line/\d"), on_ios=Exit.BOTTOM),
    App("X", re.compile(r"\bTwitter for i(Phone|Pad)|\bTwitterAndroid"), on_ios=Exit.SHARE),
    App("LinkedIn", re.compile(r"\bLinkedInApp\b")),
    App("Snapchat", re.compile(r"\bSnapchat[/ ]\d"), on_ios=Exit.SHARE),
    App("WeChat", re.compile(r"\bMicroMessenger/")),
    App(None, re.compile(r"\(Linux;[^)]*; wv\)"), on_android=Exit.UNKNOWN),
    # On iOS every browser says Safari, except in-app browsers.
    App(None, re.compile(r"^(?!.*Safari/).*\((iPhone|iPad|iPod)[^)]*\) AppleWebKit/"), on_ios=Exit.UNKNOWN),
)


def in_app_browser() -> InApp | None:
    """From the User-Agent. Answers are never cached, so they need no `Vary`."""
    return recognised(request.headers.get("User-Agent", ""))


def recognised(user_agent: str) -> InApp | None:
    found = app_and_exit(user_agent[:LONGEST])
    if found is None:
        return None
    name, place, browser = found
    return InApp(name, str(WAYS_OUT[place]) % {"browser": browser})


@lru_cache(maxsize=1024)
def app_and_exit(user_agent: str) -> tuple[str | None, Exit, str] | None:
    """The app's name, where its menu is, and which browser to leave it for."""
    app = next((app for app in APPS if app.words.search(user_agent)), None)
    if app is None:
        return None
    is_ios = re.search(r"\b(iPhone|iPad|iPod)\b", user_agent) is not None
    place, browser = (app.on_ios, "Safari") if is_ios else (app.on_android, "Chrome")
    return app.name, place, browser
