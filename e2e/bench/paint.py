"""How soon pages paint on a slow phone, with inline or external styles: ``python -m e2e.bench.paint``.

A proxy in front of the portal serves the same pages in each way; the portal itself does the first.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, sync_playwright

from e2e.bench.command import run_command
from e2e.browser import HOW_TO_GET_ONE, chromium
from e2e.pages.forms import send_form
from e2e.servers import environment
from tests.local_http import LOCAL
from tests.page_weight import FIRST_PAGE_BYTES

WAYS = {"inline": "in the page", "preload": "beside it, named in a header", "link": "beside it"}
SLOW_3G = {"offline": False, "latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
"""As in Chrome's developer tools: 400 kbit/s, and two seconds to the first byte of each answer."""
CPU_SLOWDOWN = 4
RUNS = 5

FIRST_PAINT_SECONDS = 3.0

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_LINK = '<link rel="stylesheet" href="/beside.css">'

MEASURE = """async () => {
  const seen = (type) => new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries())).observe({type, buffered: true});
    setTimeout(() => done([]), 300);
  });
  const [largest, shifts] = [await seen("largest-contentful-paint"), await seen("layout-shift")];
  const sent = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return {
    first: performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000,
    largest: largest.at(-1).startTime / 1000,
    shift: shifts.reduce((sum, it) => sum + it.value, 0),
    page: sent[0].encodedBodySize,
    code: sent.filter((it) => /\\.(js|css)/.test(it.name)).reduce((sum, it) => sum + it.encodedBodySize, 0),
  };
}"""


@dataclass(frozen=True)
class Line:
    page: str
    way: str
    first: float
    """Seconds to the first paint."""
    largest: float
    shift: float
    bytes_page: int
    bytes_all: int
    """With scripts and styles, as sent."""

    def cells(self) -> tuple[str, ...]:
        return (
            self.page,
            WAYS[self.way],
            f"{self.first:.2f}",
            f"{self.largest:.2f}",
            f"{self.shift:.3f}",
            f"{self.bytes_page / 1000:.1f}",
            f"{self.bytes_all / 1000:.1f}",
        )

    @property
    def is_good(self) -> bool:
        return self.first <= FIRST_PAINT_SECONDS and not self.shift and self.bytes_all <= FIRST_PAGE_BYTES


COLUMNS = ("page", "its style", "first paint s", "largest s", "shift", "page KB", "all KB")


@contextmanager
def stand_in(portal_url: str, way: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        style = ""

        def do_GET(self) -> None:
            if self.path == "/beside.css":
                return self._send(200, "text/css", Handler.style.encode())
            answer = httpx.get(portal_url + self.path, **LOCAL)
            body, kind = answer.content, answer.headers.get("content-type", "")
            if kind.startswith("text/html") and way != "inline":
                Handler.style = next(iter(_STYLE.findall(answer.text)), Handler.style)
                body = _STYLE.sub(_LINK, answer.text).encode()
            return self._send(answer.status_code, kind, body)

        def _send(self, status: int, kind: str, body: bytes) -> None:
            small = gzip.compress(body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(small)))
            if way == "preload" and kind.startswith("text/html"):
                self.send_header("Link", "</beside.css>; rel=preload; as=style")
            self.end_headers()
            self.wfile.write(small)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def visit(browser: Browser, url: str) -> dict[str, float]:
    """One visit with nothing in the cache."""
    with browser.new_context(viewport={"width": 360, "height": 640}) as context:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_3G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
        page.goto(url, wait_until="load", timeout=60_000)
        return dict(page.evaluate(MEASURE))


def measure(browser: Browser, portal_url: str) -> list[Line]:
    lines = []
    for name, path in {"form": "/", "status": urlsplit(send_form(portal_url, "30123456")).path}.items():
        for way in WAYS:
            with stand_in(portal_url, way) as url:
                found = [visit(browser, url + path) for _ in range(RUNS)]
            first, largest, shift, page, code = (
                median(it[key] for it in found) for key in ("first", "largest", "shift", "page", "code")
            )
            lines.append(Line(name, way, first, largest, shift, int(page), int(page + code)))
    return lines


def table(lines: list[Line]) -> str:
    rows = [COLUMNS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )


def main() -> int:
    binary = chromium()
    if binary is None:
        sys.exit(HOW_TO_GET_ONE)
    with tempfile.TemporaryDirectory() as folder, environment(Path(folder)) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary)
        lines = measure(browser, running.portal.url)
        browser.close()
    print(table(lines))
    print(json.dumps([asdict(line) for line in lines]))
    return 0 if all(line.is_good for line in lines if line.way == "inline") else 1


if __name__ == "__main__":
    run_command(main)
