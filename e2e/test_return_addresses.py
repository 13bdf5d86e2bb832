"""The way back in real browsers: the partner finds signed what the browser asked for, byte by byte."""

from __future__ import annotations

import hmac
import string
import time
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl

import httpx
import pytest

from e2e.browser import CHROMIUM, FIREFOX
from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.servers import portal
from tests.local_http import LOCAL
from tests.ports import free_port

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
OTHERS = ["ñ", "東京", "😀", "%41", "%zz", "%", "a/../b", "/%2e/", "é"]
NO_PATH = "#?*\\"
"""Where the path ends, what is no registered URL, and what browsers read as a slash."""
NO_QUERY = "#"


@contextmanager
def partner_site():
    """Keeps the target of each request as it came."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Shop</title>Welcome back")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The portal with the shop's every return URL: `start` gives a link for one, `asked` is what its site was sent."""
    folder = tmp_path_factory.mktemp("return-addresses")
    with partner_site() as (site, asked):
        return_urls = [f"{site}/done", *(f"{site}/x{it}y" for it in [*PRINTABLE, *OTHERS] if it not in NO_PATH)]
        partner = RegisteredPartner("shop", site, f"{site}/news", settings={"return_urls": return_urls})
        settings = write_partners_file(folder / "partners.toml", partner)
        running = portal(folder, port=free_port(), gu1_url="http://127.0.0.1:1", env=settings)
        with running, httpx.Client(base_url=running.url, **LOCAL) as client:
            yield Shop(client, partner, asked)


class Shop:
    def __init__(self, client, partner, asked):
        self.asked = asked
        self.site = partner.site
        self.return_urls = partner.settings["return_urls"]
        self._secret = partner.signing_secret
        client.headers["Authorization"] = f"Bearer {partner.api_key}"
        self._api = client
        self._started = 0

    def start(self, return_url, state):
        self._started += 1
        body = {"external_id": f"customer-{self._started}", "return_url": return_url, "state": state}
        answer = self._api.post("/api/v1/onboardings", json=body)
        assert answer.status_code == 201, (return_url, answer.text)
        return answer.json()["url"]

    def refuses(self, return_url):
        answer = self._api.post("/api/v1/onboardings", json={"external_id": "refused", "return_url": return_url})
        return answer.json()["errors"][0]["message"]

    def verified(self, target):
        """The parameters of a signed request; they are checked as docs/partners.md says."""
        signed, _, signature = target.partition("?")[2].partition("&signature=")
        assert signature == hmac.new(self._secret.encode(), signed.encode("ascii"), sha256).hexdigest(), target
        return dict(parse_qsl(signed, keep_blank_values=True))


@pytest.fixture(params=["chromium", "firefox"])
def page(request, playwright, tmp_path):
    if request.param == "chromium":
        with playwright.chromium.launch(executable_path=CHROMIUM.path_or_skip()) as browser:
            yield browser.new_page()
        return
    profile, binary = tmp_path / "profile", FIREFOX.path_or_skip()
    firefox = playwright.firefox.launch_persistent_context(profile, channel="moz-firefox", executable_path=binary)
    with firefox as context:
        yield context.new_page()


def way_back(shop, page, return_url, state):
    """What the partner's site is asked when a browser follows the way back."""
    link = shop.start(return_url, state)
    before = len(shop.asked)
    page.goto(f"{link}/back")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [it for it in shop.asked[before:] if "signature=" in it]
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"nobody came back to {return_url}")


def test_every_character_comes_back_as_it_was_signed(shop, page):
    for text in [*PRINTABLE, *OTHERS, string.punctuation.replace("#", "")]:
        path = f"/x{text}y" if f"{shop.site}/x{text}y" in shop.return_urls else "/done"
        query = "" if text in NO_QUERY else f"?a={text}b"
        result = shop.verified(way_back(shop, page, f"{shop.site}{path}{query}", f"{text} {text}"))
        assert (result["state"], result["status"]) == (f"{text} {text}", "pending")


def test_what_cannot_be_is_refused_with_the_reason(shop):
    assert "no #fragment" in shop.refuses(f"{shop.site}/done?a=#b")
    assert "no backslash before its query" in shop.refuses(f"{shop.site}\\done")
    assert "not among" in shop.refuses(f"{shop.site}/x*y")
