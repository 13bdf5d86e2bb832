"""Requests pages and checks each answer: no bare failures, and every page is well-formed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask

from e2e.bench.matrix.findings import BARE, WRONG, Findings
from e2e.in_process_rig import BASE_URL
from tests.page import Page


@dataclass(frozen=True)
class Answer:
    asked: str
    status: int
    location: str = ""
    html: str = ""
    json: dict[str, Any] | None = None
    page: Page | None = None

    @property
    def form(self) -> dict[str, str]:
        return dict(self.page.fields) if self.page else {}

    @property
    def stage(self) -> str:
        return str(self.page.stage) if self.page else ""


class Browser:
    """Uses a new client for each request, so that no cookie is kept."""

    def __init__(self, portal: Flask, findings: Findings) -> None:
        self._portal = portal
        self._findings = findings

    def get(self, path: str, **options: Any) -> Answer:
        return self._asked("GET", path, **options)

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        return self._asked("POST", path, data=fields)

    def _asked(self, method: str, path: str, **options: Any) -> Answer:
        asked = f"{method} {path.split('?', maxsplit=1)[0]}"
        try:
            response = self._portal.test_client().open(path, method=method, base_url=BASE_URL, **options)
        except Exception as error:  # a server would answer this with a bare 500
            self._findings.add(BARE, f"{asked} raised {type(error).__name__}: {error}")
            return Answer(asked, 503)
        html = response.get_data(as_text=True)
        # The body of a redirect is not shown to anybody.
        is_page = response.mimetype == "text/html" and "<html" in html and not 300 <= response.status_code < 400
        page = Page(response) if is_page else None
        self._check(asked, response, page)
        location = response.headers.get("Location", "").removeprefix(BASE_URL)
        return Answer(asked, response.status_code, location, html, response.get_json(silent=True), page)

    def _check(self, asked: str, response: Any, page: Page | None) -> None:
        if response.status_code >= 500 and not _is_honest(asked, response, page):
            body = response.get_data(as_text=True)
            self._findings.add(BARE, f"HTTP {response.status_code} for {asked}: {body[:300]}")
        if page:
            try:
                page.check()
            except AssertionError as error:
                self._findings.add(WRONG, f"the page of {asked}: {error}")


def _is_honest(asked: str, response: Any, page: Page | None) -> bool:
    """A 503 with Retry-After that shows the form again or the link to continue.

    On the return from the provider the link is unknown; reloading is the way to continue.
    """
    if response.status_code != 503 or "Retry-After" not in response.headers:
        return False
    if response.mimetype == "application/problem+json":
        return asked.endswith("/status")  # requested by a program, which has the link
    if page is None:
        return False
    if asked == "GET /return":
        return True
    token = asked.partition("/o/")[2].partition("/")[0]
    return "form_token" in page.fields or bool(token and page.all("a", href=f"/o/{token}"))
