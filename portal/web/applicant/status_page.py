"""Where an onboarding stands, as a page, as the part of it that changes, and for programs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flask import Response, jsonify, render_template

from portal.domain.onboarding import Onboarding
from portal.web.applicant.capture import Capture, allow_hosted_frame, camera_is_blocked, capture_of
from portal.web.applicant.forms import ActionForm
from portal.web.applicant.partner_return import partner_return_url
from portal.web.applicant.second_device import second_device_of
from portal.web.applicant.stage_view import StageView, view_of
from portal.web.context import portal
from portal.web.i18n import current_language
from portal.web.requesting_company import reference_of, requesting_company
from portal.web.urls import url_to


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
        max_attempts=portal().onboardings.policy_for(found).max_attempts,
        now=portal().clock(),
        locale=current_language(),
        company=requesting_company(),
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
    token = portal().access_links.token(found)
    came_directly = portal().config.direct_start and found.external_id is None
    return {
        "view": view,
        "company": view.company,
        "urls": Urls(
            page=url_to("applicant.onboarding", token=token),
            poll=url_to("applicant.status", token=token, v=version_shown(view)),
            continue_=url_to("applicant.open_hosted_page", token=token),
            retry=url_to("applicant.retry", token=token),
            stop=url_to("applicant.stop", token=token),
            start=url_to("applicant.start") if came_directly else None,
            back=partner_return_url(found, view.stage),
        ),
        "capture": capture_of(found),
        "camera_is_blocked": camera_is_blocked(),
        "device": second_device_of(found, view),
        "action_form": ActionForm(portal().form_tokens, found.id, attempt=view.attempt),
        "reference": reference_of(found),
    }
