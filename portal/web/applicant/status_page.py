"""The status as a page, as the htmx fragment of it, and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flask import Response, jsonify, render_template

from portal.domain.capture_modes import Capture
from portal.domain.onboarding import Onboarding
from portal.domain.polling import OVERTURN_POLL_SECONDS
from portal.domain.reference import reference_of
from portal.web.applicant.capture import allow_hosted_frame, camera_is_blocked, capture_of
from portal.web.applicant.forms import ActionForm
from portal.web.applicant.partner_return import partner_return_url
from portal.web.applicant.second_device import second_device_of
from portal.web.applicant.stage_view import StageView
from portal.web.context import portal
from portal.web.i18n import current_language
from portal.web.requesting_company import requesting_company
from portal.web.urls import url_to


@dataclass(frozen=True, slots=True)
class Urls:
    page: str
    poll: str
    continue_: str
    retry: str
    stop: str
    number: str
    start: str | None
    """The first page's form; None if the applicant came from a partner."""
    back: str | None
    """The way back to the partner."""


def view_now(found: Onboarding) -> StageView:
    return StageView(
        onboarding=found,
        standing=portal().onboardings.standing(found),
        company=requesting_company(),
        now=portal().clock(),
        release=portal().release,
        locale=current_language(),
        is_camera_blocked=camera_is_blocked(),
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
        can_retry_at=view.retry_opens.iso if view.retry_opens else None,
        poll_after_seconds=math.ceil(view.poll_after) if view.poll_after else None,
    )


def _context(found: Onboarding, view: StageView) -> dict[str, object]:
    token = portal().access_links.token(found)
    came_directly = portal().config.direct_start and found.external_id is None
    return {
        "view": view,
        "overturn_seconds": OVERTURN_POLL_SECONDS,
        "company": view.company,
        "urls": Urls(
            page=url_to("applicant.onboarding", token=token),
            poll=url_to("applicant.status", token=token, v=str(view.version)),
            continue_=url_to("applicant.open_hosted_page", token=token),
            retry=url_to("applicant.retry", token=token),
            stop=url_to("applicant.stop", token=token),
            number=url_to("applicant.show_correction", token=token),
            start=url_to("applicant.start") if came_directly else None,
            back=partner_return_url(found, view.stage),
        ),
        "capture": capture_of(found),
        "camera_is_blocked": view.is_camera_blocked,
        "device": second_device_of(found, view),
        "action_form": ActionForm(portal().form_tokens, found.id, attempt=found.validation_number),
        "reference": reference_of(found.id),
    }
