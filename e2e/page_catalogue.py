"""Every page that the portal can show, as requests to an app in this process; for the gallery and the page checks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from e2e.pages.forms import form_token
from e2e.pages_of_other_apps import mail_app, operators_pages
from portal.app import create_app
from portal.config import Config
from portal.domain.locales import Locale
from portal.domain.onboarding import EntityConflict, StallReason
from portal.partners.registry import new_signing_secret
from portal.services.mail import MailKind
from portal.store.database import make_engine, migrate
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding, some_details
from tests.web.variants import VARIANTS, mistyped

HOME = "http://127.0.0.1:8000"
WHATSAPP = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.7390.124 "
    "Mobile Safari/537.36 [WA4A/2.25.32.75;]"
)
INSTAGRAM = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Mobile/15E148 Instagram 385.0.0.39.77 (iPhone15,2; iOS 18_5; es_AR; es; scale=3.00; 1179x2556)"
)
WRONG = {"country": "AR", "document_number": "123", "first_name": "Ana María", "last_name": "", "email": "ana@"}
PARTNERS = f"""
[partners.shop]
name = "Tienda Azul"
logo = "shop.svg"
signing_secrets = ["{new_signing_secret()}"]
return_urls = ["https://shop.example/done"]
contact_url = "https://shop.example/ayuda"
[partners.shop.theme]
accent = "#1f4fd8"
radius = 4
"""
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">
<rect width="40" height="40" rx="6" fill="#1f4fd8"/>
<path d="M10 14h20l-2 16H12zM15 14a5 5 0 0 1 10 0" fill="none" stroke="#fff" stroke-width="2.5"/></svg>"""
RIGHT = WRONG | {
    "document_number": "30111222",
    "shown_number": "30111222",
    "last_name": "Núñez",
    "email": "",
    "consent": "y",
}


@dataclass(frozen=True)
class CatalogueEntry:
    name: str
    path: str
    method: str = "GET"
    data: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    shown_by: str = "redirect"
    """An app of the catalogue's: by its way to open the hosted page, or "mails" or "operator"."""
    fails: bool = False
    """Whether the database is read-only."""
    sent_from: str = ""
    """The page with its form, if not `path` itself."""

    @property
    def languages(self) -> tuple[str, ...]:
        return ("en",) if self.shown_by == "operator" else tuple(Locale)

    def address(self, language: str) -> str:
        return f"{self.path}{'&' if '?' in self.path else '?'}lang={language}"


class PageCatalogue:
    """Portals that differ only in how they open the hosted page, on one prepared database."""

    def __init__(self, folder: Path) -> None:
        self._assets: dict[str, TestResponse] = {}
        self._database = folder / "portal.db"
        self._partners = folder / "partners.toml"
        self._partners.write_text(PARTNERS)
        (folder / "shop.svg").write_text(LOGO)
        engine = make_engine(f"sqlite:///{self._database}")
        migrate(engine)
        self._apps = {capture: self._app(capture) for capture in ("redirect", "new-tab", "frame")}
        self._apps |= {"mails": mail_app(self._apps["redirect"]), "operator": operators_pages(self._config("redirect"))}
        self.entries = list(_entries(self._apps["redirect"], Repository(engine, ColumnCipher(("k" * 32,)))))
        engine.dispose()
        read_only = folder / "unwritable.db"
        with closing(sqlite3.connect(self._database)) as whole, closing(sqlite3.connect(read_only)) as copy:
            whole.backup(copy)  # the file alone lacks what is in the log beside it
        self._failing = self._app("redirect", f"sqlite:///file:{read_only}?mode=ro&uri=true")

    def answer(self, entry: CatalogueEntry, language: str) -> TestResponse:
        client = self.client(entry)
        data = entry.data
        if entry.method == "POST":
            form = client.get(entry.sent_from or entry.address(language), base_url=HOME)
            data = data | {"form_token": form_token(form.text)}
        return client.open(
            entry.address(language),
            method=entry.method,
            data=data or None,
            headers=entry.headers,
            base_url=HOME,
            buffered=True,
        )

    def asset(self, client: Client, path: str) -> TestResponse:
        """A style, script or picture of a page; the same on every page, so it is requested once."""
        if path not in self._assets:
            self._assets[path] = client.get(path, base_url=HOME, buffered=True)
        return self._assets[path]

    def client(self, entry: CatalogueEntry) -> Client:
        return (self._failing if entry.fails else self._apps[entry.shown_by]).test_client()

    def _app(self, capture: str, database_url: str | None = None) -> Flask:
        return create_app(self._config(capture, database_url), clock=lambda: NOW)

    def _config(self, capture: str, database_url: str | None = None) -> Config:
        return Config(
            secret_keys=("k" * 32,),
            database_url=database_url or f"sqlite:///{self._database}",
            gu1_base_url="http://127.0.0.1:1",
            gu1_api_key="key",
            gu1_webhook_secrets=("secret",),
            gu1_provider_hosts=("verify.example.com",),
            capture=capture,
            partners_file=self._partners,
            operator_name="Banco Ejemplo",
            contact_url="mailto:ayuda@example.com",
        )


@contextmanager
def page_catalogue(folder: Path) -> Iterator[PageCatalogue]:
    yield PageCatalogue(folder)


def _entries(app: Flask, store: Repository) -> Iterator[CatalogueEntry]:
    def page(**changes: Any) -> str:
        return f"/o/{app.extensions['portal'].access_links.token(store.add(an_onboarding(**changes)))}"

    yield CatalogueEntry("form", "/")
    yield CatalogueEntry("form, Brazil", "/?country=BR")
    yield CatalogueEntry("form, another country", "/?country=other")
    yield CatalogueEntry("form with errors", "/", "POST", WRONG)
    yield CatalogueEntry("form that shows the number", "/", "POST", RIGHT | {"shown_number": ""})
    yield CatalogueEntry("form that could not be kept", "/", "POST", RIGHT, fails=True)
    yield CatalogueEntry("form inside an app", "/", headers={"User-Agent": INSTAGRAM})
    yield CatalogueEntry("form inside an Android app", "/", headers={"User-Agent": WHATSAPP})
    yield from _stages(page)
    yield from _corrections(page)
    yield CatalogueEntry(
        "details of an invited customer", page(validation=None, details=None, external_id="customer-1")
    )
    refused = {"stall_reason": StallReason.DETAILS_REFUSED, "details": some_details(), "validation": a_validation()}
    yield CatalogueEntry("details that gu1 refused", page(**refused))
    lost = refused | {"details": None, "lost_entity_id": "entity-0", "validation": a_validation()}
    yield CatalogueEntry("details that gu1 lost", page(**lost))
    for conflict in EntityConflict:
        conflicting = refused | {"entity_conflict": conflict, "validation": a_validation()}
        yield CatalogueEntry(f"details with the conflict {conflict}", page(**conflicting))
    yield from _of_partners(page)
    yield from _mails(store)
    yield from _operators(store)
    yield CatalogueEntry("back from the hosted page", "/return")
    stopped = store.add(an_onboarding(partner="shop", external_id="customer-10"))
    yield CatalogueEntry("mails to be stopped", f"/mails/{app.extensions['portal'].mail_keys.key(stopped.id)}/stop")
    began = an_adopted_validation(session_url="https://verify.example.com/session/1")
    code = app.extensions["portal"].phone_handover.code(store.add(an_onboarding(validation=began)))
    yield CatalogueEntry("code in an older browser", f"/Q/{code}")
    yield CatalogueEntry("privacy", "/privacy")
    yield CatalogueEntry("accessibility", "/accessibility")
    yield CatalogueEntry("privacy of a partner's customers", "/privacy?partner=shop")
    yield CatalogueEntry("no such page", "/nowhere")
    yield CatalogueEntry("link that ran out", page(created_at=NOW - timedelta(days=31)))
    yield CatalogueEntry("wrong way to open a page", "/", "PUT")
    yield CatalogueEntry("sent from another site", "/", "POST", RIGHT, {"Sec-Fetch-Site": "cross-site"})
    yield CatalogueEntry("too much sent", "/", "POST", RIGHT | {"first_name": "A" * 20_000})


def _of_partners(page: Callable[..., str]) -> Iterator[CatalogueEntry]:
    sent = {"partner": "shop", "external_id": "customer-9", "return_url": "https://shop.example/done"}
    given = page(**sent, validation=None, consent=None, given_by_partner=True)
    yield CatalogueEntry("a customer who only agrees", given)
    yield CatalogueEntry("a customer who does not agree", given, "POST")
    yield CatalogueEntry("a partner's customer, to the form", page(**sent, validation=None, details=None, consent=None))
    refused = {"stall_reason": StallReason.DETAILS_REFUSED, "given_by_partner": True, "validation": a_validation()}
    yield CatalogueEntry("a customer whose partner has to correct", page(**sent | refused))
    lost = refused | {"details": None, "lost_entity_id": "entity-0", "validation": a_validation()}
    yield CatalogueEntry("a customer whose partner has to send the details again", page(**sent | lost))
    for conflict in EntityConflict:
        conflicting = refused | {"entity_conflict": conflict, "validation": a_validation()}
        yield CatalogueEntry(f"a customer whose partner gave the conflict {conflict}", page(**sent | conflicting))
    yield CatalogueEntry("a partner's customer, on hold for a number", page(**mistyped(given_by_partner=True) | sent))
    for name in ("waiting", "approved", "in review", "rejected: registry_card_outdated", "closed"):
        yield CatalogueEntry(f"a partner's customer, {name}", page(**VARIANTS[name].changes() | sent))


def _mails(store: Repository) -> Iterator[CatalogueEntry]:
    for name, kind, stage in (
        ("with the link", MailKind.LINK, "preparing"),
        ("about unfinished photos", MailKind.PHOTOS, "at the photos"),
        ("about a link that ends", MailKind.EXPIRING, "ready"),
        ("with an approval", MailKind.RESULT, "approved"),
        ("with a next step", MailKind.RESULT, "rejected: registry_card_outdated"),
        ("with an end", MailKind.RESULT, "closed"),
    ):
        about = store.add(an_onboarding(**VARIANTS[stage].changes()))
        yield CatalogueEntry(f"mail {name}", f"/{kind}/{about.id}", shown_by="mails")
    about = store.add(an_onboarding(partner="shop", **VARIANTS["approved"].changes()))
    yield CatalogueEntry("mail of a partner's", f"/{MailKind.RESULT}/{about.id}", shown_by="mails")


def _operators(store: Repository) -> Iterator[CatalogueEntry]:
    held = store.add(an_onboarding(partner="shop", **mistyped()))
    for name, path in (
        ("overview", "/"),
        ("nothing was found", "/find?name=nobody"),
        ("an onboarding", f"/onboardings/{held.id}"),
        ("held", "/problems/held"),
        ("stuck", "/problems/stuck"),
        ("deliveries", "/deliveries"),
    ):
        yield CatalogueEntry(f"operator: {name}", path, shown_by="operator")


def _corrections(page: Callable[..., str]) -> Iterator[CatalogueEntry]:
    held = page(**mistyped())
    yield CatalogueEntry("correction of the number", f"{held}/number")
    yield CatalogueEntry("correction with a wrong number", f"{held}/number", "POST", {"document_number": "30"})
    shown = {"document_number": "30111223"}
    yield CatalogueEntry("correction that shows the number", f"{held}/number", "POST", shown)
    yield CatalogueEntry("correction of a number with the names", page(**mistyped(entity_is_own=False)) + "/number")


def _stages(page: Callable[..., str]) -> Iterator[CatalogueEntry]:
    for name, variant in VARIANTS.items():
        changes = {"updated_at": NOW, "created_at": NOW} | variant.changes()
        aged = {key: _shifted(value, variant.age) for key, value in changes.items()}
        yield CatalogueEntry(name, page(**aged))
    waiting = page(**VARIANTS["waiting"].changes())
    pressed = {"data": {"attempt": "1"}, "fails": True, "sent_from": waiting}
    yield CatalogueEntry("request to delete the data", f"{waiting}/erasure")
    yield CatalogueEntry("button that came to nothing", f"{waiting}/stop", "POST", **pressed)
    for capture in ("new-tab", "frame"):
        for name in ("ready", "waiting"):
            yield CatalogueEntry(f"{name}, {capture}", page(**VARIANTS[name].changes()), shown_by=capture)
    for name, opened_at in (("ready", None), ("waiting", NOW)):
        began = an_adopted_validation(session_url="https://verify.example.com/session/1", opened_at=opened_at)
        taken = page(validation=began, phone_joined_at=NOW)
        yield CatalogueEntry(f"{name}, a phone has taken over", taken)
    yield CatalogueEntry("code that was used", "/Q/0")
    for name in ("waiting", "approved"):
        yield CatalogueEntry(f"{name}, on the phone", page(**VARIANTS[name].changes()) + "?via=qr")


def _shifted(value: Any, age: timedelta) -> Any:
    """The value as it was stored `age` ago."""
    if isinstance(value, datetime):
        return value - age
    if isinstance(value, tuple):
        return tuple(_shifted(it, age) for it in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{it.name: _shifted(getattr(value, it.name), age) for it in fields(value)})
    return value
