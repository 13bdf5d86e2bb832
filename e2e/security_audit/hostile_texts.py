"""Texts that want to be code, through every field and every string of gu1; a real browser says whether one became it.

Each answer that shows any part of a text is opened in Chromium, with its own headers. There, no script of a text may
run, no policy may have to stop one, and no element may lead off the list.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Response
from playwright.async_api import Browser, Error, Page, Request, Route, TimeoutError, async_playwright
from werkzeug.test import Client, TestResponse

from e2e.browser import CHROMIUM
from e2e.pages.forms import form_token
from portal.app import create_app
from portal.config import Config
from portal.store.database import make_engine, migrate
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.conftest import WEBHOOK_SECRET
from tests.factories import NOW, an_adopted_validation, an_onboarding
from tests.gu1.rows import a_row
from tests.gu1.webhooks import signature_of
from tests.page import NAVIGATES
from tests.partners import KEYS, RETURN_URL, partners_file
from tests.web.hostile_requests import WORDS

HOME = "http://127.0.0.1:8000"
PROVIDER = "verify.example.com"
PAGES = 4
"""Open at the same time."""
SECONDS_TO_LOAD = 120
"""Of a page, on a machine that does much else."""
SHAPES: list[str] = json.loads((Path(__file__).parent / "shapes.json").read_text("utf-8"))
"""`{n}` is the text's number, by which it is recognised."""
FIRST = 1_000_000
DRESSES: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: f"Ana {text}",
    lambda text: f"{text} Pérez",
    lambda text: text.replace("<", "<\x00"),
    lambda text: text.replace("=", "\t=\n"),
    lambda text: quote(text, errors="surrogateescape"),
    lambda text: text.replace("<", "&lt;").replace(">", "&gt;"),
    lambda text: text.replace("<", "\u02c2").replace("'", "\u02b9").replace('"', "\uff02"),
    lambda text: "".join(chr(ord(it) + 0xFEE0) if it in "<>\"'=()" else it for it in text),
    lambda text: text + text,
    lambda text: f"ana@{text}.example",
    lambda text: f"\ud83d\udca9{text}".encode("utf-16", "surrogatepass").decode("utf-16"),
)
DETAILS = ("first_name", "last_name", "document_number", "email", "country", "issuing_country", "shown_number")
HEADERS = ("Accept-Language", "User-Agent", "Referer", "HX-Current-URL", "Cookie", "X-Request-Id", "HX-Target")
PATHS = ("/{}", "/o/{}", "/s/{}", "/Q/{}", "/mails/{}/stop", "/logo/{}", "/api/v1/problems/{}", "/static/{}")
ROW = (
    *("providerSessionUrl", "validationSessionId", "status", "expiresAt", "entityId", "organizationId", "provider"),
    *("verifiedAt", "createdAt"),
)
WATCH = """
window.found = [];
for (const name of ['alert', 'confirm', 'prompt', 'x']) window[name] = it => found.push(`script ran: ${it}`);
document.addEventListener('securitypolicyviolation', it =>
  found.push(`policy stopped: ${it.effectiveDirective} ${it.blockedURI} ${it.sample}`));
"""
LOOK = """(allowed) => {
  const leads = ['href', 'src', 'action', 'formaction', 'data', 'srcset', 'ping', 'background', 'poster',
                 'hx-get', 'hx-post', 'hx-put', 'hx-patch', 'hx-delete', 'xlink:href'];
  for (const element of document.querySelectorAll('*')) {
    if (element.localName === 'base' || element.hasAttribute('srcdoc')) found.push(`element: ${element.outerHTML}`);
    for (const {name, value} of element.attributes) {
      if (name.startsWith('on') || name.startsWith('hx-on')) found.push(`handler: ${element.outerHTML}`);
      if (!leads.includes(name)) continue;
      const url = URL.canParse(value, document.baseURI) ? new URL(value, document.baseURI) : null;
      const isListed = url?.origin === location.origin || allowed.includes(url?.host) || url?.protocol === 'mailto:';
      if (!isListed) found.push(`leads off the list: ${element.outerHTML}`);
    }
  }
  return found;
}"""


@dataclass
class TextFindings:
    texts: int = 0
    addresses: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """By where the texts were put."""
    opened: int = 0
    """Answers that showed any of their texts, in the browser."""
    led_to: set[str] = field(default_factory=set)
    """Addresses outside of the portal to which the browser was sent."""
    faults: list[str] = field(default_factory=list)


def hostile_texts(many: int, seed: int) -> list[str]:
    chosen = random.Random(seed)
    numbered = (
        shape.replace("{n}", str(FIRST + number)) for number, shape in zip(count(), _endless(SHAPES), strict=False)
    )
    return [chosen.choice(DRESSES)(next(numbered)) for _ in range(many)]


def hostile_addresses(many: int, seed: int) -> list[str]:
    """For `providerSessionUrl`: what parsers read differently, and what is near to what is allowed."""
    chosen = random.Random(seed)
    signs = ("@", ":", "#", "?", "\\", "/", "%2f", "%40", "\u3002", "\uff0e", "\t", ".", "-", "xn--")
    pieces = [*WORDS, *signs, "evil.example", PROVIDER]
    schemes = (
        "https://",
        "https:/",
        "https:",
        "https:\\\\",
        "http://",
        "//",
        "HTTPS://",
        "ftp://",
        "javascript://",
        "",
    )
    evil = (f"{PROVIDER}.evil.example", f"evil.example@{PROVIDER}", f"{PROVIDER}@evil.example", "evil.example")
    hosts = (PROVIDER, f"a.{PROVIDER}", *evil)
    ends = ("", "/", "/x", ":443/", ":8443", "?", "#")

    def address() -> str:
        whole = chosen.choice(schemes) + chosen.choice(hosts) + chosen.choice(ends)
        for _ in range(chosen.randrange(4)):
            place = chosen.randrange(len(whole) + 1)
            whole = whole[:place] + chosen.choice(pieces)[:300] + whole[place + chosen.randrange(2) :]
        return whole

    return [address() for _ in range(many)]


def _endless(shapes: Iterable[str]) -> Iterator[str]:
    while True:
        yield from shapes


class TextTarget:
    """The portal in this process, on a SQLite file, without its runner."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'texts.db'}"
        engine = make_engine(url)
        migrate(engine)
        config = Config(
            secret_keys=("k" * 32,),
            database_url=url,
            gu1_base_url="http://127.0.0.1:1",
            gu1_api_key="key",
            gu1_webhook_secrets=(WEBHOOK_SECRET,),
            gu1_provider_hosts=(PROVIDER, f".{PROVIDER}"),
            partners_file=partners_file(folder),
        )
        self.app: Flask = create_app(config, clock=lambda: NOW)
        self.client: Client = self.app.test_client()
        store, links = Repository(engine, ColumnCipher(config.secret_keys)), self.app.extensions["portal"].access_links
        told = an_onboarding(validation=an_adopted_validation(gu1_id="validation-1", gu1_updated_at=None))
        invited = an_onboarding(validation=None, details=None, partner="shop", external_id="customer-1")
        self.told = f"/o/{links.token(store.add(told))}"
        self.invited = f"/o/{links.token(store.add(invited))}"
        self._seconds = count()
        self._assets: dict[str, TestResponse] = {}

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.client.open(path, method=method, base_url=HOME, buffered=True, **options)

    def asset(self, path: str) -> TestResponse:
        """The same on every page, so it is requested once."""
        if path not in self._assets:
            self._assets[path] = self.ask("GET", path)
        return self._assets[path]

    def tell(self, **changes: Any) -> None:
        """One more webhook of gu1, with these changes to the validation's row."""
        changed_at = NOW - timedelta(days=1, seconds=-next(self._seconds))
        row = a_row(id="validation-1", updatedAt=changed_at.isoformat(), **changes)
        body = json.dumps({"event": "kyc.validation_pending", "payload": row}).encode()
        answer = self.ask("POST", "/webhooks/gu1", data=body, headers={"X-Webhook-Signature": signature_of(body)})
        assert answer.status_code == 200, changes

    def _form(self, path: str, texts: list[str]) -> TestResponse:
        token = form_token(self.ask("GET", path).text)
        fields = dict(zip(DETAILS, texts, strict=False))
        # A country must be known for its own fields to be shown.
        country = random.Random(texts[0]).choice(("AR", "BR", "MX", "other", fields["country"]))
        sent = fields | {"country": country, "consent": "y", "form_token": token}
        return self.ask("POST", path, data=sent)

    def _api(self, texts: list[str]) -> TestResponse:
        fields = ("first_name", "last_name", "document_number", "email")
        sent = {
            "external_id": texts[4],
            "state": texts[5],
            "return_url": RETURN_URL,
            "applicant": dict(zip(fields, texts, strict=False)) | {"country": "AR"},
        }
        headers = {"Authorization": f"Bearer {KEYS['shop']}"}
        answer = self.ask("POST", "/api/v1/onboardings", json=sent, headers=headers)
        if answer.status_code >= 300:
            return answer
        return self.ask("GET", urlsplit(json.loads(answer.data)["url"]).path)

    def _upstream(self, texts: list[str]) -> TestResponse:
        row: dict[str, Any] = dict(zip(ROW, texts, strict=False))
        more = texts[len(ROW) :]
        row["warnings"] = [{"code": more[0], "message": more[1], "feature": more[2], "risk": more[0]}, more[1]]
        row["decision"] = row["extractedData"] = {more[0]: more[1], "rejectionReason": more[2], "firstName": more[0]}
        row["metadata"] = {more[1]: more[2], "nonce": more[0]}
        self.tell(**row)
        return self.ask("GET", self.told)

    def places(self) -> dict[str, Callable[[list[str]], TestResponse]]:
        """What is asked with a dozen texts; each text comes to each field."""

        def header(text: str) -> str:
            return text.translate({0: None, 10: None, 13: None}).encode("utf-8", "surrogateescape").decode("latin-1")

        def query(texts: list[str]) -> str:
            pairs = [
                ("lang", texts[0]),
                ("via", texts[1]),
                ("country", texts[2]),
                ("v", texts[3]),
                (texts[4], texts[5]),
            ]
            return urlencode(pairs, errors="surrogateescape")

        paths = iter(_endless(PATHS))
        return {
            "form": lambda texts: self._form("/", texts),
            "invited customer's form": lambda texts: self._form(self.invited, texts),
            "query": lambda texts: self.ask("GET", f"/?{query(texts)}"),
            "way back": lambda texts: self.ask(
                "GET", f"/return?{urlencode({'verificationSessionId': texts[0], 'status': texts[1]})}&{query(texts)}"
            ),
            "path": lambda texts: self.ask(
                "GET", next(paths).format(quote(texts[0], safe="", errors="surrogateescape"))
            ),
            "headers": lambda texts: self.ask(
                "GET", "/", headers={name: header(text) for name, text in zip(HEADERS, texts, strict=False)}
            ),
            "partner API": self._api,
            "row of gu1": self._upstream,
        }


async def try_texts(folder: Path, texts: int, addresses: int, seed: int) -> TextFindings:
    target, found = TextTarget(folder), TextFindings(texts, addresses)
    async with _browser() as browser:
        await _each(browser, target, found, _shown(target, found, hostile_texts(texts, seed)), _open)
        await _each(browser, target, found, iter(hostile_addresses(addresses, seed)), _follow)
    return found


async def opened_in_browser(target: TextTarget, answers: list[tuple[str, Response]]) -> TextFindings:
    """`answers`: by where their texts were put."""
    found = TextFindings()
    async with _browser() as browser:
        await _each(browser, target, found, iter(answers), _open)
    return found


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    """In which no name leads anywhere."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM.path(), args=["--host-resolver-rules=MAP * ~NOTFOUND"]
        )
        yield browser
        await browser.close()


def _shown(target: TextTarget, found: TextFindings, texts: list[str]) -> Iterator[tuple[str, TestResponse]]:
    """Answers in which the number of one of their texts is to be seen."""
    for place, ask in target.places().items():
        for first in range(len(texts)):
            given = [texts[(first + following) % len(texts)] for following in range(12)]
            answer = ask(given)
            found.answers[place] += 1
            if any(b"%d" % (FIRST + (first + it) % len(texts)) in answer.data for it in range(12)):
                yield place, answer


async def _each(
    browser: Browser,
    target: TextTarget,
    found: TextFindings,
    work: Iterator[Any],
    do: Callable[[_Tab, TextTarget, TextFindings, Any], Any],
) -> None:
    async def worker() -> None:
        context = await browser.new_context()
        await context.add_init_script(WATCH)
        tab = _Tab(await context.new_page(), target)
        await tab.page.route(f"{HOME}/**", tab.fulfil)
        await tab.page.route(lambda url: not url.startswith(f"{HOME}/"), tab.leave)
        tab.page.set_default_navigation_timeout(SECONDS_TO_LOAD * 1000)
        tab.page.on("dialog", lambda dialog: found.faults.append(f"dialog: {dialog.message}"))
        for item in work:
            await do(tab, target, found, item)
        await context.close()

    await asyncio.gather(*(worker() for _ in range(PAGES)))


class _Tab:
    """Routed once: a browser can hang for good if routes change while it loads something."""

    def __init__(self, page: Page, target: TextTarget) -> None:
        self.page = page
        self._target = target
        self.answer: Response | TestResponse | None = None
        """To the next navigation."""
        self.left: list[str] = []
        """Addresses outside that a page asked for by itself."""

    async def fulfil(self, route: Route) -> None:
        request = route.request
        if self.answer and request.is_navigation_request() and request.frame == self.page.main_frame:
            answer, self.answer = self.answer, None
            await route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.data)
        elif request.resource_type in {"stylesheet", "script", "image"}:
            asset = self._target.asset(request.url.removeprefix(HOME))
            await route.fulfill(status=asset.status_code, headers=dict(asset.headers), body=asset.data)
        else:
            await route.fulfill(status=204)

    async def leave(self, route: Route) -> None:
        self.left.append(route.request.url)
        await route.fulfill(status=204)


async def _open(tab: _Tab, _target: TextTarget, found: TextFindings, item: tuple[str, Response]) -> None:
    place, answer = item
    tab.answer, tab.left = answer, []
    try:
        await tab.page.goto(f"{HOME}/shown", wait_until="load")
    except TimeoutError:
        found.faults.append(f"{place}: an answer of {len(answer.data)} bytes did not load: {answer.data[:300]!r}")
        return
    seen = await tab.page.evaluate(LOOK, [PROVIDER, "shop.example"])
    found.opened += 1
    found.faults += [f"{place}: {it}" for it in [*seen, *(f"asked for {it}" for it in tab.left)]]


async def _follow(tab: _Tab, target: TextTarget, found: TextFindings, address: str) -> None:
    """As a person whom the status page sends on."""
    target.tell(providerSessionUrl=address)
    tab.answer = target.ask("GET", f"{target.told}/continue", headers=NAVIGATES)
    went: list[str] = []

    def note(request: Request) -> None:
        if request.is_navigation_request():
            went.append(request.url)

    tab.page.on("request", note)
    try:
        await tab.page.goto(f"{HOME}/continue", wait_until="commit")
    except TimeoutError:
        found.faults.append(f"address of gu1 led nowhere in time: {address!r}")
    except Error as error:
        # Nobody has these names here.
        if "net::ERR_" not in error.message:
            raise
    tab.page.remove_listener("request", note)
    outside = [it for it in went if not it.startswith(f"{HOME}/")]
    found.led_to.update(outside)
    for it in outside:
        parts = urlsplit(it)  # of an address as the browser wrote it
        host = parts.hostname or ""
        if parts.scheme != "https" or not (host == PROVIDER or host.endswith(f".{PROVIDER}")):
            found.faults.append(f"address of gu1 led to {it}: {address!r}")
