"""Where an onboarding stands, as a page, as the part of it that changes, and for programs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flask import Response, jsonify, render_template

from portal.domain.onboarding import Onboarding
from portal.web.addresses import address
from portal.web.capture import Capture, allow_hosted_frame, camera_is_blocked, capture_of
from portal.web.context import portal
from portal.web.forms import ActionForm
from portal.web.i18n import current_language
from portal.web.second_device import second_device_of
from portal.web.sender import reference_of, the_sender
from portal.web.stage_view import StageView, view_of
from portal.web.way_back import way_back_of


@dataclass(frozen=True, slots=True)
class Urls:
    page: str
    poll: str
    continue_: str
    retry: str
    stop: str
    start: str | None
    """The form of the first page, for whoever came that way."""
    back: str | None
    """To the partner, with the result."""


def view_now(found: Onboarding) -> StageView:
    return view_of(
        found,
        max_attempts=portal().onboardings.rules_for(found).max_attempts,
        now=portal().clock(),
        locale=current_language(),
        sender=the_sender(),
    )


def status_page(found: Onboarding, view: StageView) -> str:
    if capture_of(found) is Capture.FRAME and view.poll_after:
        allow_hosted_frame()
    return render_template("onboarding/status.html", **_context(found, view), is_fragment=False)


def status_fragment(found: Onboarding, view: StageView) -> str:
    return render_template("onboarding/_status.html", **_context(found, view), is_fragment=True)


def status_json(view: StageView) -> Response:
    return jsonify(
        stage=view.stage,
        status=view.status,
        reason=view.reason,
        attempts_left=view.attempts_left,
        poll_after_seconds=math.ceil(view.poll_after) if view.poll_after else None,
    )


def version_shown(view: StageView) -> str:
    """Another one where the camera is blocked, because the page looks different then."""
    return f"{view.version}-blocked" if camera_is_blocked() else view.version


def _context(found: Onboarding, view: StageView) -> dict[str, object]:
    token = portal().links.token(found)
    came_directly = portal().config.direct_start and found.external_id is None
    return {
        "view": view,
        "sender": view.sender,
        "urls": Urls(
            page=address("pages.onboarding", token=token),
            poll=address("pages.status", token=token, v=version_shown(view)),
            continue_=address("pages.open_hosted_page", token=token),
            retry=address("pages.retry", token=token),
            stop=address("pages.stop", token=token),
            start=address("pages.start") if came_directly else None,
            back=way_back_of(found, view.stage),
        ),
        "capture": capture_of(found),
        "camera_is_blocked": camera_is_blocked(),
        "device": second_device_of(found, view),
        "action_form": ActionForm(portal().tokens, found.id, attempt=view.attempt),
        "reference": reference_of(found),
    }
