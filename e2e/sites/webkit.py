"""WebKitGTK, driven by Selenium; it needs a display, for example `xvfb-run`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Playwright

from e2e.sites.authority import Authority
from e2e.sites.front import Front
from e2e.sites.windows import PATIENCE, Browser

_T = TypeVar("_T")
_SIZE = (1000, 2600)

# Enters open shadow trees step by step; CSS selectors cannot.
_FIND = """
    return arguments[0].split(" ").reduce((at, step) => at && (at.shadowRoot || at).querySelector(step), document);
"""

# Keys cannot be sent into a cross-site frame: "Element is not focusable".
_TYPE = """
    arguments[0].value = arguments[1];
    for (const type of ["input", "change"]) arguments[0].dispatchEvent(new Event(type, { bubbles: true }));
"""


@contextmanager
def webkit(_: Playwright | None, binary: str, front: Front, __: Authority, home: Path) -> Iterator[Browser]:
    """Ignores certificate errors: GnuTLS reads only the system's store, which tests must not change."""
    from selenium import webdriver  # noqa: PLC0415, as only this engine needs it
    from selenium.webdriver.webkitgtk.options import Options  # noqa: PLC0415
    from selenium.webdriver.webkitgtk.service import Service  # noqa: PLC0415

    options = Options()
    options.accept_insecure_certs = True
    options.binary_location = _mini_browser()
    # With WebDriver's own proxy capability, WebKit speaks TLS to the proxy.
    for argument in (
        "automation",
        f"proxy={front.url}",
        "enable-media-stream=true",
        "enable-mock-capture-devices=true",
    ):
        options.add_argument(f"--{argument}")
    service = Service(binary, log_output=str(home / "webkit.log"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # warnings from Selenium itself
        driver = webdriver.WebKitGTK(options=options, service=service)
    try:
        yield lambda: SeleniumWindow(driver, _new_window(driver))
    finally:
        driver.quit()


def _mini_browser() -> str:
    """It is not on the PATH."""
    return str(next(Path("/usr").glob("lib*/**/webkit2gtk-4.*/MiniBrowser")))


def _new_window(driver: Any) -> str:
    """Of its own, since only what is seen gets a camera; and so tall that nothing in a frame is below its end.

    The driver clicks where it believes things to be, and does not scroll the page around another site's frame.
    """
    driver.switch_to.new_window("window")
    driver.set_window_size(*_SIZE)
    return str(driver.current_window_handle)


class SeleniumWindow:
    def __init__(self, driver: Any, handle: str, frames: tuple[str, ...] = ()) -> None:
        self._driver = driver
        self._handle = handle
        self._frames = frames

    def open(self, url: str) -> None:
        self._driver.switch_to.window(self._handle)
        self._driver.get(url)

    def arrives_at(self, beginning: str) -> str:
        def address() -> str:
            self._driver.switch_to.window(self._handle)
            url = str(self._driver.current_url)
            assert url.startswith(beginning), url
            return url

        return _patiently(address)

    def within(self, *frames: str) -> SeleniumWindow:
        return SeleniumWindow(self._driver, self._handle, self._frames + frames)

    def sees(self, selector: str) -> None:
        self._with(selector, lambda found: None)

    def reads(self, selector: str, text: str) -> None:
        def compare(found: Any) -> None:
            assert found.text == text, found.text

        self._with(selector, compare)

    def click(self, selector: str) -> None:
        self._with(selector, lambda found: found.click())

    def fill(self, selector: str, text: str) -> None:
        self._with(selector, lambda found: self._driver.execute_script(_TYPE, found, text))

    def choose(self, selector: str, value: str) -> None:
        self.fill(selector, value)

    def tab_from(self, selector: str) -> SeleniumWindow:
        before = set(self._driver.window_handles)
        self.click(selector)

        def opened() -> str:
            (handle,) = set(self._driver.window_handles) - before
            return str(handle)

        return SeleniumWindow(self._driver, _patiently(opened))

    def evaluate(self, expression: str) -> Any:
        return _patiently(lambda: (self._enter(), self._driver.execute_script(f"return {expression}"))[1])

    def _enter(self) -> None:
        self._driver.switch_to.window(self._handle)
        self._driver.switch_to.default_content()
        for frame in self._frames:
            found = self._driver.execute_script(_FIND, frame)
            assert found, f"no frame {frame}"
            self._driver.switch_to.frame(found)

    def _with(self, selector: str, use: Callable[[Any], _T]) -> _T:
        def attempt() -> _T:
            self._enter()
            visible = (it for it in self._driver.find_elements("css selector", selector) if it.is_displayed())
            found = next(visible, None)
            assert found, f"no {selector}"
            return use(found)

        return _patiently(attempt)


def _patiently(attempt: Callable[[], _T]) -> _T:
    """Frames change meanwhile; each case raises a different exception."""
    from selenium.common.exceptions import WebDriverException  # noqa: PLC0415

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except (WebDriverException, AssertionError, ValueError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
