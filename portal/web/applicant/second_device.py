"""Continuing on the phone: the access link as a QR code, and the hint to go back to the computer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO

import segno
from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from portal.domain.locales import Locale
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.services.view_recorder import WATCHED_FOR
from portal.web.access_link import is_open, open_access_link
from portal.web.applicant.preview import preview
from portal.web.applicant.stage_view import StageView
from portal.web.branding import show_as
from portal.web.context import portal
from portal.web.entry_device import QR, entry_device
from portal.web.flood_guard import seconds_for_bad_links
from portal.web.i18n import chosen_language
from portal.web.refusals import Refusal
from portal.web.requesting_company import requesting_company
from portal.web.security import refuse_cross_site
from portal.web.urls import token_of, url_to
from portal.web.visits import is_of_robot, is_visit, navigates

second_device = Blueprint("second_device", __name__)
second_device.before_request(refuse_cross_site)

_QUIET_ZONE = 4
"""White border in QR modules; scanners need it on a dark page too."""
_NO_CODE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
"""For a page that was shown a moment before the photos were done."""
_CODES = "/Q/"
"""In capitals, as all that stands in a QR code: so it needs half the squares, and cheap cameras can read it."""
_LANGUAGES = {str(locale).upper(): str(locale) for locale in Locale}


@dataclass(frozen=True, slots=True)
class SecondDevice:
    camera_is_next: bool
    is_this: bool
    """True on the phone that scanned the code."""
    has_phone: bool
    """Another page of the same onboarding is open on a phone that scanned the code."""
    link: str
    qr: str
    """A code works once, so its picture has another address for each attempt and after each phone."""

    @property
    def is_offered(self) -> bool:
        """Another device than this one, for the photos."""
        return self.camera_is_next and not self.is_this

    @property
    def is_elsewhere(self) -> bool:
        """The photos are being taken on the phone."""
        return self.is_offered and self.has_phone


@second_device.get("/o/<token>/qr.svg")
def qr(token: str) -> Response:
    """Of a short address that works once; the full link would make a code that bad screens and cameras spoil."""
    code = portal().phone_handover.code(open_access_link(token))
    if code is None:
        return Response(_NO_CODE, mimetype="image/svg+xml")
    chosen = chosen_language()
    address = f"{portal().config.base_url}{_CODES}{code}{f'.{chosen}' if chosen else ''}"
    return Response(qr_code(address.upper()), mimetype="image/svg+xml")


@second_device.get(f"{_CODES}<code>")
def open_code(code: str) -> ResponseReturnValue:
    if is_of_robot():
        return preview(None)
    found = _found(code)
    if found is None:
        return _over()
    show_as(found)
    if not is_visit() or navigates() is False:
        return "", 503  # whatever looks ahead of its person uses nothing up
    if navigates() is None:
        action = url_for("second_device.open_code_when_asked", code=code)
        return render_template("onboarding/ask_to_take_over.html", action=action, company=requesting_company())
    return _take_over(code, found)


@second_device.post(f"{_CODES}<code>")
def open_code_when_asked(code: str) -> ResponseReturnValue:
    """For browsers that do not say whether a person goes there, as a phone's safety scanners do not."""
    found = _found(code)
    if found is None:
        return _over()
    return ("", 503) if navigates() is False else _take_over(code, found)


def _found(code: str) -> Onboarding | None:
    found = portal().phone_handover.find(_parts(code)[0])
    return found if found and _is_of_open_link(found) else None


def _take_over(code: str, found: Onboarding) -> ResponseReturnValue:
    short, language = _parts(code)
    if not portal().phone_handover.join(short, found.id):
        return _over()
    token = portal().access_links.token(found)
    return redirect(url_for("applicant.onboarding", token=token, lang=_LANGUAGES.get(language), via=QR), 303)


def _parts(code: str) -> tuple[str, str]:
    """The code itself, and the language."""
    short, _dot, language = code.upper().partition(".")
    return short, language


def _is_of_open_link(found: Onboarding) -> bool:
    here = portal()
    return is_open(found, here.access_links.read(here.access_links.token(found)), here.partners)


def _over() -> ResponseReturnValue:
    """The same answer for a used, an expired and a guessed code."""
    portal().refusals.count(Refusal.BAD_LINK)
    seconds = seconds_for_bad_links()
    if seconds is not None:
        raise TooManyRequests(retry_after=seconds)
    page = render_template(
        "errors/error.html",
        picture=Stage.EXPIRED,
        title=_("This code no longer works"),
        message=_(
            "Each code works once, and only until the photos are done. If you have already begun on this phone, go "
            "back to that page. If not, scan the code that the other screen shows now."
        ),
        company=requesting_company(),
        reference=None,
        back_url=None,
        offers_contact=True,
    )
    return page, 410


def second_device_of(found: Onboarding, view: StageView, *, joined: str) -> SecondDevice:
    """`joined`: when the last phone came."""
    via = entry_device()
    return SecondDevice(
        camera_is_next=_camera_is_next(view),
        is_this=via == QR,
        has_phone=found.has_phone,
        link=access_link(found, via=via),
        qr=url_to("second_device.qr", token=token_of(found), v=f"{found.validation_number}-{joined}"),
    )


def _camera_is_next(view: StageView) -> bool:
    """As far as anybody knows, what the person does next is to take the photos."""
    is_through = view.stage is Stage.WAITING and not view.is_at_photos
    is_over = view.stage.is_final  # closed for now, although the hosted page is there
    return view.stage is Stage.PREPARING or (view.may_continue and not is_through and not is_over)


def is_watched_elsewhere(onboarding: Onboarding, now: datetime) -> bool:
    """True if another page has polled since the hosted page was opened."""
    opened = onboarding.validation.opened_at if onboarding.validation else None
    watched = onboarding.watched_at
    return opened is not None and watched is not None and opened < watched and now - watched < WATCHED_FOR


def access_link(found: Onboarding, *, via: str | None = None) -> str:
    return portal().config.base_url + url_to("applicant.onboarding", token=token_of(found), via=via)


@lru_cache(maxsize=256)
def qr_code(link: str) -> bytes:
    """An SVG, black on white in every theme, because some scanners read nothing else."""
    svg = BytesIO()
    segno.make(link, error="m", micro=False, boost_error=False).save(
        svg,
        kind="svg",
        border=_QUIET_ZONE,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        omitsize=True,
        nl=False,
    )
    return svg.getvalue().replace(b"<svg ", b'<svg shape-rendering="crispEdges" ', 1)
