"""Browsers inside other apps: the camera often stays shut in them, so the way out is shown first. Only ever a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from flask import request
from flask_babel import lazy_gettext as _


class Exit(StrEnum):
    """Where apps keep their way out."""

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

_LONGEST = 1000
"""Characters; real names are half as long, and what is longer is searched no further."""


@dataclass(frozen=True, slots=True)
class App:
    name: str | None
    words: re.Pattern[str]
    """What its browser adds to the name that it goes by."""
    on_ios: Exit = Exit.TOP
    on_android: Exit = Exit.TOP


@dataclass(frozen=True, slots=True)
class InApp:
    app: str | None
    """None where it is some app that does not say which."""
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
    # Every browser on iOS says Safari, save those that an app opens inside itself.
    App(None, re.compile(r"^(?!.*Safari/).*\((iPhone|iPad|iPod)[^)]*\) AppleWebKit/"), on_ios=Exit.UNKNOWN),
)


def in_app_browser() -> InApp | None:
    """What the request's own word for its browser tells; no answer is kept by caches, so none has to vary by it."""
    return recognised(request.headers.get("User-Agent", ""))


def recognised(user_agent: str) -> InApp | None:
    user_agent = user_agent[:_LONGEST]
    app = next((app for app in APPS if app.words.search(user_agent)), None)
    if app is None:
        return None
    is_ios = re.search(r"\b(iPhone|iPad|iPod)\b", user_agent) is not None
    place, browser = (app.on_ios, "Safari") if is_ios else (app.on_android, "Chrome")
    return InApp(app.name, str(WAYS_OUT[place]) % {"browser": browser})
