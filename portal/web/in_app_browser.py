"""In-app browsers, in which the camera often does not work: how to leave them. Only a hint.

What the apps add to the User-Agent was looked up in November 2026:

    Instagram, Facebook, Messenger, Threads   `IABMV` and `MetaIAB` beside the older words: test tables of public sites
    WhatsApp        `[WA4A/…;]`: the app's own code, decompiled; `[WAiOS/…]`: test tables of public sites.
                    `WhatsApp/…` alone is its link preview
    Telegram        `Telegram-Android/…`: its source, TMessagesProj. On iOS it says nothing, and cannot be told
    Mercado Pago    `MercadoPago-Android/…`, `MercadoPago-iOS/…`: its documents for sellers; Mercado Libre's is alike
    all others      https://github.com/matomo-org/device-detector (regexes/client/mobile_apps.yml) and test tables
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from flask import request
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal.partners.registry import Partner
from portal.web.branding import branded_partner


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
    is_android: bool

    def browser_link(self, url: str) -> Markup | None:
        """What opens a page of ours in Android's browser with one tap, or in place if the app does not let it.

        The fallback stands there as it is: none of our addresses has a character that would end it.
        """
        if not self.is_android:
            return None
        scheme, rest = urlsplit(url).scheme, url.partition("://")[2]
        action = "action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE"
        return Markup("intent://{}#Intent;scheme={};{};S.browser_fallback_url={};end").format(rest, scheme, action, url)


APPS = (
    App("WhatsApp", re.compile(r"\[(WAiOS|WA4A)/\d"), on_ios=Exit.SHARE),
    App("Threads", re.compile(r"\bBarcelona \d|\bMetaIAB Threads\b")),
    App("Instagram", re.compile(r"\bInstagram \d|\bMetaIAB Instagram\b")),
    App(
        "Messenger",
        re.compile(r"\bFBAN/Messenger|\bFB_IAB/(Orca|MESSENGER)|\bOrca-Android|\bMetaIAB Messenger\b"),
        on_ios=Exit.BOTTOM,
    ),
    App("Facebook", re.compile(r"\bFB(AN|AV|_IAB)/|\bMetaIAB\b"), on_ios=Exit.BOTTOM),
    App("TikTok", re.compile(r"\bBytedanceWebview/|\bmusical_ly|\btrill_\d|\bTikTok[ /]\d", re.IGNORECASE)),
    App("LINE", re.compile(r" Line/\d"), on_ios=Exit.BOTTOM),
    App("X", re.compile(r"\bTwitter for i(Phone|Pad)|\bTwitterAndroid"), on_ios=Exit.SHARE),
    App("LinkedIn", re.compile(r"\bLinkedInApp\b")),
    App("Snapchat", re.compile(r"\bSnapchat[/ ]\d"), on_ios=Exit.SHARE),
    App("Telegram", re.compile(r"\bTelegram-Android/\d")),
    App("WeChat", re.compile(r"\bMicroMessenger/")),
    App("Mercado Libre", re.compile(r"\bMercadoLibre[-/]"), on_ios=Exit.UNKNOWN, on_android=Exit.UNKNOWN),
    App("Mercado Pago", re.compile(r"\bMercadoPago[-/]"), on_ios=Exit.UNKNOWN, on_android=Exit.UNKNOWN),
    App("Pinterest", re.compile(r"\[Pinterest/")),
    App("Reddit", re.compile(r"\bReddit/(Version|\d)"), on_ios=Exit.SHARE),
    App("Google", re.compile(r"\bGSA/\d"), on_ios=Exit.SHARE),
    App(None, re.compile(r"\(Linux;[^)]*; wv\)"), on_android=Exit.UNKNOWN),
    # On iOS every browser says Safari, except in-app browsers and apps on the home screen, for which the stylesheet
    # hides the hint.
    App(None, re.compile(r"^(?!.*Safari/).*\((iPhone|iPad|iPod)[^)]*\) AppleWebKit/"), on_ios=Exit.UNKNOWN),
)


def in_app_browser() -> InApp | None:
    """From the User-Agent. Answers are never cached, so they need no `Vary`."""
    return recognised(request.headers.get("User-Agent", ""), branded_partner())


def recognised(user_agent: str, partner: Partner | None = None) -> InApp | None:
    found = app_and_exit(user_agent[:LONGEST], partner.webview if partner else None)
    if found is None:
        return None
    name, place, browser, is_android = found
    return InApp(name, str(WAYS_OUT[place]) % {"browser": browser}, is_android)


@lru_cache(maxsize=1024)
def app_and_exit(user_agent: str, own: str | None = None) -> tuple[str | None, Exit, str, bool] | None:
    """The app's name, where its menu is, which browser to leave it for, and whether that is Android's.

    `own`: what the partner's app says.
    """
    app = None if own and own in user_agent else next((app for app in APPS if app.words.search(user_agent)), None)
    if app is None:
        return None
    is_ios = re.search(r"\b(iPhone|iPad|iPod)\b", user_agent) is not None
    place, browser = (app.on_ios, "Safari") if is_ios else (app.on_android, "Chrome")
    return app.name, place, browser, not is_ios and "Android" in user_agent
