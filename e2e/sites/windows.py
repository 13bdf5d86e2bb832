"""A browser tab as the journeys use it, for any driver. Selectors are CSS and match visible elements only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from playwright.sync_api import FrameLocator, Locator, Page, expect

PATIENCE = 30.0
"""Seconds."""


class Window(Protocol):
    def open(self, url: str) -> None: ...

    def arrives_at(self, beginning: str) -> str:
        """Waits until the tab's URL starts with `beginning`; returns the URL."""
        ...

    def within(self, *frames: str) -> Window:
        """The document inside nested frames, for everything but `open` and `arrives_at`."""
        ...

    def sees(self, selector: str) -> None: ...

    def reads(self, selector: str, text: str) -> None: ...

    def click(self, selector: str) -> None: ...

    def fill(self, selector: str, text: str) -> None: ...

    def choose(self, selector: str, value: str) -> None: ...

    def tab_from(self, selector: str) -> Window:
        """The tab that a click opens."""
        ...

    def evaluate(self, expression: str) -> Any: ...


Browser = Callable[[], Window]
"""Opens a window."""


class PlaywrightWindow:
    def __init__(self, page: Page, *, clicks_frames: bool, root: Page | FrameLocator | None = None) -> None:
        """`clicks_frames`: whether clicks reach cross-site frames."""
        self._page = page
        self._clicks_frames = clicks_frames
        self._root = root or page
        page.set_default_timeout(PATIENCE * 1000)

    def open(self, url: str) -> None:
        self._page.goto(url)

    def arrives_at(self, beginning: str) -> str:
        expect(self._page).to_have_url(re.compile("^" + re.escape(beginning)), timeout=PATIENCE * 1000)
        return self._page.url

    def within(self, *frames: str) -> PlaywrightWindow:
        root = self._root
        for frame in frames:
            root = root.frame_locator(frame)
        return PlaywrightWindow(self._page, clicks_frames=self._clicks_frames, root=root)

    def sees(self, selector: str) -> None:
        self._visible(selector).wait_for()

    def reads(self, selector: str, text: str) -> None:
        expect(self._visible(selector)).to_have_text(text, timeout=PATIENCE * 1000)

    def click(self, selector: str) -> None:
        if self._clicks_frames or self._root is self._page:
            self._visible(selector).click()
        else:
            self._visible(selector).dispatch_event("click")

    def fill(self, selector: str, text: str) -> None:
        self._visible(selector).fill(text)

    def choose(self, selector: str, value: str) -> None:
        self._visible(selector).select_option(value)

    def tab_from(self, selector: str) -> PlaywrightWindow:
        with self._page.context.expect_page() as opened:
            self.click(selector)
        return PlaywrightWindow(opened.value, clicks_frames=self._clicks_frames)

    def evaluate(self, expression: str) -> Any:
        return self._root.locator("html").evaluate(f"() => {expression}")

    def _visible(self, selector: str) -> Locator:
        return self._root.locator(selector).filter(visible=True).first
