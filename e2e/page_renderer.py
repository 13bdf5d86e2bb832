"""Renders pages of the catalogue in a real browser, without a server: the app in this process answers each request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Route
from werkzeug.test import TestResponse

from e2e.page_catalogue import HOME, CatalogueEntry, PageCatalogue
from tests.factories import NOW

THEMES = ("light", "dark")
WIDEST_PHONE = 480
"""Pixels. Up to here a page is touched, and its scroll bar takes no room."""
_EMPTY = '<!DOCTYPE html><html lang="en"><title>Hosted page</title></html>'


@contextmanager
def browser_page(browser: Browser, *, width: int = 360, height: int = 740, theme: str = "light") -> Iterator[Page]:
    context = _context(browser, width, height, theme)
    try:
        yield context.new_page()
    finally:
        context.close()


def render(page: Page, catalogue: PageCatalogue, entry: CatalogueEntry, language: str) -> TestResponse:
    """Shows the entry and returns the app's answer; the page's own requests get 204, so it does not change."""
    answer, client = catalogue.answer(entry, language), catalogue.client(entry)

    def fulfil(route: Route) -> None:
        request = route.request
        if request.is_navigation_request():
            if request.frame != page.main_frame:  # the hosted page; opening it would change the stage
                route.fulfill(content_type="text/html", body=_EMPTY)
                return
            found = answer
        elif request.resource_type in {"xhr", "fetch"}:
            route.fulfill(status=204)
            return
        elif request.url.startswith(HOME):
            found = catalogue.asset(client, request.url.removeprefix(HOME))
        else:
            route.abort()
            return
        route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.data)

    page.unroute_all()
    page.route("**/*", fulfil)
    page.goto(HOME + entry.address(language), wait_until="load")
    return answer


def take_picture(page: Page, path: Path) -> None:
    """Of the whole page. `full_page` would show a phone's as with a mouse, because it ends the emulation of touch."""
    usual = page.viewport_size
    assert usual is not None
    page.evaluate(
        "Promise.all([...document.images].map(it => { it.loading = 'eager'; return it.decode().catch(() => 0) }))"
    )
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": usual["width"], "height": height})
    page.screenshot(path=path)
    page.set_viewport_size(usual)


def _context(browser: Browser, width: int, height: int, theme: str) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        is_mobile=width <= WIDEST_PHONE,
        has_touch=width <= WIDEST_PHONE,
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        locale="es-AR",
        timezone_id="America/Argentina/Buenos_Aires",
    )
    context.clock.set_fixed_time(NOW)
    return context
