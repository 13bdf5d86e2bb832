"""Continuing on the phone: the access link as a QR code, and the hint to go back to the computer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO

import segno
from flask import Blueprint, Response

from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.services.view_recorder import WATCHED_FOR
from portal.web.access_link import open_access_link
from portal.web.applicant.stage_view import StageView
from portal.web.context import portal
from portal.web.entry_device import QR, entry_device
from portal.web.urls import token_of, url_to

second_device = Blueprint("second_device", __name__)

_QUIET_ZONE = 4
"""White border in QR modules; scanners need it on a dark page too."""


@dataclass(frozen=True, slots=True)
class SecondDevice:
    camera_is_next: bool
    is_this: bool
    """True on the phone that scanned the code."""
    link: str
    qr: str

    @property
    def is_offered(self) -> bool:
        """Another device than this one, for the photos."""
        return self.camera_is_next and not self.is_this


@second_device.get("/o/<token>/qr.svg")
def qr(token: str) -> Response:
    return Response(qr_code(access_link(open_access_link(token), via=QR)), mimetype="image/svg+xml")


def second_device_of(found: Onboarding, view: StageView) -> SecondDevice:
    via = entry_device()
    return SecondDevice(
        camera_is_next=view.may_continue or view.stage is Stage.PREPARING,
        is_this=via == QR,
        link=access_link(found, via=via),
        qr=url_to("second_device.qr", token=token_of(found)),
    )


def is_watched_elsewhere(onboarding: Onboarding, now: datetime) -> bool:
    """True if another page has polled since the hosted page was opened."""
    shown = onboarding.validation.shown_at if onboarding.validation else None
    watched = onboarding.watched_at
    return shown is not None and watched is not None and shown < watched and now - watched < WATCHED_FOR


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
