"""Sites of partners that embed the portal in a frame, and a customer who uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

from playwright.sync_api import FrameLocator, Locator, Page, expect

from e2e.pages.applicant import a_document_number, agree
from e2e.servers import API_KEY, SECRET_KEY, WEBHOOK_SECRET, Environment, environment
from portal.app import create_app
from portal.config import Config
from portal.partners.registry import new_signing_secret
from portal.services.partner_onboardings import CreateRequest
from tests.ports import free_port

UNUSED_PROVIDER = "verify.example.com"
"""A provider host that the portal allows besides the mock's; on loopback the hosts differ by port only."""
QUICK = 'timeout="1500"'

VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'

HEARING = """
window.heard = [];
for (const name of ["ready", "status", "finished", "error"]) {
  document.addEventListener(`kyc-${name}`, ({ detail, target }) => heard.push([target.id, name, detail]));
}
"""

_numbers = count(1)


class Site:
    """One server for all partner hosts, each a name below localhost."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, str, Mapping[str, str]]] = {}
        self.answers["/heard.js"] = ("text/javascript", HEARING, {})
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body, headers = answers.get(self.path, ("text/plain", "", {}))
                self.send_response(200 if self.path in answers else 404)
                for name, value in {"Content-Type": f"{kind}; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def origin(self, name: str) -> str:
        return f"http://{name}.localhost:{self.server.server_port}"

    def page(self, name: str, body: str, head: str = "", **headers: str) -> str:
        """The URL of a new page on the host `name`; `headers` by keyword, with underscores."""
        path = f"/{next(_numbers)}"
        text = (
            f'<!DOCTYPE html><html lang="es"><head><title>Shop</title>{VIEWPORT}{head}</head><body>{body}</body></html>'
        )
        self.answers[path] = ("text/html", text, {key.replace("_", "-"): value for key, value in headers.items()})
        return self.origin(name) + path


@contextmanager
def site() -> Iterator[Site]:
    running = Site()
    Thread(target=running.server.serve_forever, daemon=True).start()
    yield running
    running.server.shutdown()
    running.server.server_close()


@dataclass
class EmbeddingSites:
    environment: Environment
    site: Site
    provider: str
    """The origin of the hosted page."""
    invite: Callable[..., str]
    partners: Path

    @property
    def portal(self) -> str:
        return self.environment.portal.url

    @property
    def script(self) -> str:
        return f'<script src="/heard.js"></script><script src="{self.portal}/embed.js" async></script>'

    def element(self, partner: str, *, id: str = "kyc", more: str = QUICK, **wishes: str) -> str:
        return f'<kyc-onboarding id="{id}" src="{self.invite(partner, **wishes)}" {more}></kyc-onboarding>'

    def embeds(self, partner: str, *, at: str = "shop", more: str = QUICK, **headers: str) -> str:
        """The URL of a page that embeds a new customer's onboarding."""
        return self.site.page(at, f"<h1>Shop</h1>{self.element(partner, more=more)}", self.script, **headers)


@contextmanager
def embedding_sites(folder: Path) -> Iterator[EmbeddingSites]:
    port = free_port()
    provider = f"http://provider.localhost:{port}"
    with site() as running:
        partners = folder / "partners.toml"
        shops = {name: (capture, "shop") for name, capture in (("redirect", "redirect"), ("tab", "new-tab"))}
        shops |= {"frame": ("frame", "shop"), "bank": ("redirect", "bank")}
        partners.write_text("\n".join(_stanza(slug, *told, running) for slug, told in shops.items()))
        settings = {"PORTAL_PARTNERS_FILE": str(partners), "PORTAL_SECRET_KEYS": SECRET_KEY}
        settings["GU1_PROVIDER_HOSTS"] = f"provider.localhost,{UNUSED_PROVIDER}"
        arguments = ("--asks-camera", "--public-url", provider)
        with environment(folder, gu1_port=port, env=settings, mock_arguments=arguments) as found:
            yield EmbeddingSites(found, running, provider, _inviting(found, partners), partners)


def _stanza(slug: str, capture: str, host: str, at: Site) -> str:
    told = {
        "name": slug,
        "prefix_external_ids": True,
        "capture": capture,
        "origins": [at.origin(host)],
        "signing_secrets": [new_signing_secret()],
    }
    return f"[partners.{slug}]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in told.items()) + "\n"


def _inviting(found: Environment, partners: Path) -> Callable[..., str]:
    """Creates onboardings as the partner's backend does; returns the access link."""
    config = Config(
        secret_keys=(SECRET_KEY,),
        database_url=found.database_url,
        partners_file=partners,
        gu1_base_url=found.gu1.url,
        gu1_api_key=API_KEY,
        gu1_webhook_secrets=(WEBHOOK_SECRET,),
    )
    behind = create_app(config).extensions["portal"]

    def invite(partner: str, **wishes: str) -> str:
        wish = CreateRequest(partner=partner, external_id=f"customer-{next(_numbers)}", locale="es-AR", **wishes)
        onboarding = behind.partner_onboardings.create(wish).onboarding
        return f"{found.portal.url}/o/{behind.access_links.token(onboarding)}"

    return invite


class Customer:
    """A partner's customer, on the partner's page."""

    def __init__(self, page: Page, id: str = "kyc") -> None:
        self.page = page
        self.id = id
        self.frame: FrameLocator = page.frame_locator(f"#{id} iframe")
        page.set_default_timeout(20_000)

    def fills_in(self) -> None:
        self.frame.locator("[name=country]").select_option("AR")
        typed = {"first_name": "Ana", "last_name": "Pérez", "document_number": a_document_number()}
        for name, value in typed.items():
            self.frame.locator(f"[name={name}]").fill(value)
        agree(self.frame)
        self._sends()
        # Without portal.js the form comes back once, to show the number.
        asked = self.frame.locator("#compare")
        expect(asked.or_(self.frame.locator("#status")).first).to_be_visible(timeout=20_000)
        if asked.is_visible():
            self._sends()

    def _sends(self) -> None:
        self.frame.locator("form button[type=submit]").last.click()

    def sees_stage(self, stage: str | re.Pattern[str]) -> None:
        expect(self.frame.locator("#status")).to_have_attribute("data-stage", stage, timeout=20_000)

    @property
    def way_to_camera(self) -> Locator:
        return self.frame.locator("#status a[href*='/continue']")

    def heard(self, name: str) -> list[object]:
        return [detail for id, event, detail in self.page.evaluate("heard") if (id, event) == (self.id, name)]

    def hears(self, name: str) -> object:
        """Waits for an event of this name; returns the detail of the last one."""
        self.page.wait_for_function(
            "([id, name]) => heard.some((it) => it[0] === id && it[1] === name)", arg=[self.id, name]
        )
        return self.heard(name)[-1]

    def opens_a_tab(self) -> Page:
        with self.page.context.expect_page() as opened:
            self.way_to_camera.click()
        return opened.value
