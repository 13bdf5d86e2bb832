"""The three engines, each with the tests' certificate authority, a fake camera and no third-party cookies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from playwright.sync_api import Page, Playwright

from e2e.sites.authority import Authority
from e2e.sites.front import Front
from e2e.sites.webkit import webkit
from e2e.sites.windows import Browser, PlaywrightWindow, Window

_CAMERA_OF_CHROMIUM = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
# Playwright has its own list of features to switch off, with the partitioning of storage in it. A list that comes
# later is taken instead, so any other feature brings back what people's browsers do.
_PARTITIONED_STORAGE = "--disable-features=Translate"

PREFERENCES_OF_FIREFOX = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    # Blocks third-party cookies and storage; the default only partitions them.
    "network.cookie.cookieBehavior": 1,
    "network.proxy.type": 1,
    # There is no mouse without a display: pointer capabilities, 2 is fine, 4 can hover.
    "ui.primaryPointerCapabilities": 6,
    "ui.allPointerCapabilities": 6,
    # Playwright's clicks do not count as user activation, which opening tabs and leaving frames needs.
    "dom.disable_open_during_load": False,
    "dom.security.framebusting_intervention.enabled": False,
}


@contextmanager
def chromium(playwright: Playwright, binary: str, front: Front, authority: Authority, home: Path) -> Iterator[Browser]:
    is_trusted = authority.is_trusted_in(home / ".pki" / "nssdb")
    browser = playwright.chromium.launch(
        executable_path=binary,
        env={**os.environ, "HOME": str(home)},
        proxy={"server": front.url},
        args=[*_CAMERA_OF_CHROMIUM, _PARTITIONED_STORAGE],
    )

    def window() -> Window:
        page = browser.new_context(ignore_https_errors=not is_trusted).new_page()
        _block_cookies(page)
        return PlaywrightWindow(page, clicks_frames=True)

    with browser:
        yield window


def _block_cookies(page: Page) -> None:
    """The headless shell allows third-party cookies, and no flag changes that."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    no_exceptions = {"disableThirdPartyCookieMetadata": True, "disableThirdPartyCookieHeuristics": True}
    session.send("Network.setCookieControls", {"enableThirdPartyCookieRestriction": True, **no_exceptions})


@contextmanager
def firefox(playwright: Playwright, binary: str, front: Front, authority: Authority, home: Path) -> Iterator[Browser]:
    """A real one, over BiDi. Only a persistent context has a profile of ours, in which it can trust the authority."""
    profile = home / "profile"
    is_trusted = authority.is_trusted_in(profile)
    context = playwright.firefox.launch_persistent_context(
        profile,
        channel="moz-firefox",
        executable_path=binary,
        ignore_https_errors=not is_trusted,
        firefox_user_prefs={
            **PREFERENCES_OF_FIREFOX,
            "network.proxy.ssl": "127.0.0.1",
            "network.proxy.ssl_port": front.port,
        },
    )
    with context:
        # Over BiDi a click into a cross-site frame is lost without an error.
        yield lambda: PlaywrightWindow(context.new_page(), clicks_frames=False)


Engine = Callable[[Playwright, str, Front, Authority, Path], AbstractContextManager[Browser]]
ENGINES: dict[str, Engine] = {"chromium": chromium, "firefox": firefox, "webkit": webkit}
