"""The bank's pages: they send a customer to the portal, in a frame or by redirect, and show the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import httpx
from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from e2e.partner_site.bank import Bank, Customer
from e2e.partner_site.signatures import NotBelieved
from e2e.partner_site.words import init_words, language, locale

APPLICANT = ("country", "document_number", "first_name", "last_name", "email")

pages = Blueprint("pages", __name__)


def create_site(bank: Bank, *, portal_url: str, headers: Mapping[str, str]) -> Flask:
    """`headers` are added to every response."""
    site = Flask(__name__)
    site.extensions["bank"] = bank
    site.jinja_env.globals.update(bank=bank, portal_url=portal_url)
    init_words(site)
    site.register_blueprint(pages)

    @site.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(headers)
        return response

    return site


@pages.get("/")
def home() -> ResponseReturnValue:
    return render_template("home.html")


@pages.post("/customers")
def open_account() -> ResponseReturnValue:
    given = {name: request.form.get(name, "").strip() for name in APPLICANT}
    known = {name: value for name, value in given.items() if value} if given["document_number"] else {}
    customer = _bank().new_customer(locale=locale(), applicant=known)
    return _go_on("pages.lead_away" if request.form.get("way") == "redirect" else "pages.frame", customer)


@pages.get("/frame")
def frame() -> ResponseReturnValue:
    customer = _customer()
    if customer is None:  # with the customer in the URL, a reload shows the same onboarding
        return _go_on("pages.frame", _newcomer())
    return render_template("frame.html", customer=customer, onboarding=_bank().onboarding_of(customer))


@pages.get("/redirect")
def lead_away() -> ResponseReturnValue:
    customer = _customer() or _newcomer()
    return redirect(_bank().onboarding_of(customer)["url"], 303)


@pages.get("/done")
def done() -> ResponseReturnValue:
    """The return URL: the portal sends the customer back here."""
    return _go_on("pages.account", _bank().take_result(request.query_string))


@pages.get("/account")
def account() -> ResponseReturnValue:
    customer = _customer()
    if customer is None or customer.onboarding_id is None:
        return redirect(url_for("pages.home", lang=language()), 303)
    return render_template("account.html", customer=customer, found=_bank().truth_of(customer))


@pages.post("/hooks")
def hooks() -> ResponseReturnValue:
    headers = {name.lower(): value for name, value in request.headers.items()}
    _bank().hear(headers, request.get_data())
    return "", 204


@pages.get("/log")
def log() -> ResponseReturnValue:
    return render_template("_log.html")


@pages.errorhandler(NotBelieved)
def refuse(refusal: NotBelieved) -> ResponseReturnValue:
    _bank().note(f"{request.method} {request.path}", f"refused: {refusal}")
    return render_template("refused.html", why=refusal), 401 if request.method == "POST" else 400


@pages.errorhandler(httpx.HTTPError)
def portal_failed(error: httpx.HTTPError) -> ResponseReturnValue:
    said = error.response.text if isinstance(error, httpx.HTTPStatusError) else repr(error)
    _bank().note(f"{request.method} {request.path}", said)
    return render_template("failed.html", why=said), 502


def _bank() -> Bank:
    return cast(Bank, current_app.extensions["bank"])


def _customer() -> Customer | None:
    return _bank().customers.get(request.args.get("customer", ""))


def _newcomer() -> Customer:
    return _bank().new_customer(locale=locale(), capture=request.args.get("capture"))


def _go_on(page: str, customer: Customer) -> ResponseReturnValue:
    return redirect(url_for(page, customer=customer.id, lang=language()), 303)
