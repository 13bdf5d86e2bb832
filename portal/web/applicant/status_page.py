"""The status as a page, as the htmx fragment of it, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Response, jsonify, render_template

from portal.domain.capture_modes import Capture
from portal.domain.locales import Locale
from portal.domain.onboarding import Onboarding
from portal.domain.polling import OVERTURN_POLL_SECONDS, jittered
from portal.domain.reference import reference_of
from portal.services.ports import PollState
from portal.web.applicant.capture import allow_hosted_frame, capture_of, goes_straight_on
from portal.web.applicant.erasure_page import erasure_url
from portal.web.applicant.forms import ActionForm
from portal.web.applicant.partner_return import partner_return_url
from portal.web.applicant.poll_version import PollVersion, microseconds
from portal.web.applicant.second_device import second_device_of
from portal.web.applicant.stage_view import StageView
from portal.web.context import Portal, portal
from portal.web.i18n import current_language
from portal.web.page_parts import Part, camera_is_blocked, is_of_older_page
from portal.web.requesting_company import requesting_company
from portal.web.slots import slot
from portal.web.urls import token_of, url_to


@dataclass(frozen=True, slots=True)
class Urls:
    page: str
    poll: str
    continue_: str
    retry: str
    stop: str
    photos_done: str
    number: str
    erasure: str | None
    """None if the applicant came from a partner, who erases."""
    start: str | None
    """The first page's form; None if the applicant came from a partner."""
    back: str | None
    """The way back to the partner."""
    version: str
    """Of the page; part of its poll's URL."""
    poll_milliseconds: str
    reload_seconds: str
    next_try: str
    """When, in ISO 8601; empty if it is not shown."""
    retry_opens: str


def view_now(found: Onboarding) -> StageView:
    return view_of(found, portal(), locale=current_language(), is_camera_blocked=camera_is_blocked())


def view_of(found: Onboarding, here: Portal, *, locale: Locale, is_camera_blocked: bool) -> StageView:
    now, standing = here.clock(), here.onboardings.standing(found)
    return StageView(
        onboarding=found,
        standing=standing,
        now=now,
        release=here.release,
        locale=locale,
        is_camera_blocked=is_camera_blocked,
        goes_straight_on=goes_straight_on(found, here),
        measured_wait=here.waits.of(standing.stage, found.country, now),
    )


def shows_current(
    version: PollVersion, state: PollState, here: Portal, now: datetime, *, locale: str, is_camera_blocked: bool
) -> bool:
    """Nothing that a page of this version shows has changed."""
    return version.is_current(
        here.release,
        state.updated_at,
        now,
        wait_of=here.waits.of,
        locale=locale,
        is_camera_blocked=is_camera_blocked,
    )


def status_page(found: Onboarding, view: StageView, *, button_was_stale: bool = False) -> str:
    if capture_of(found) is Capture.FRAME and view.poll_after:
        allow_hosted_frame()
    context = _context(found, view, part=Part.STATUS)
    return render_template("onboarding/status.html", **context, is_fragment=False, button_was_stale=button_was_stale)


def status_fragment(found: Onboarding, view: StageView) -> str:
    # A page from before an upgrade goes on with addresses that its script knows.
    part = None if is_of_older_page() else Part.STATUS
    return render_template("onboarding/_status.html", **_context(found, view, part=part), is_fragment=True)


def is_direct_start(found: Onboarding, here: Portal) -> bool:
    return here.config.direct_start and found.external_id is None


PERSONAL = ("version", "reference", "poll", "reload", "next_try", "retry_opens", "joined")


def personal_values(found: Onboarding, view: StageView, here: Portal) -> dict[str, Callable[[], str]]:
    """What a status page shows of one person only, by the names of its slots.

    They hold neither `found` nor `view`, so that they can be kept without what the person typed.
    """
    joined = microseconds(found.phone_joined_at) if found.phone_joined_at else 0
    onboarding_id, pause, shortest_reload = found.id, _pause(view), view.stage.facts.shortest_reload
    return {
        "version": partial(str, view.version),
        "reference": partial(str, reference_of(onboarding_id)),
        "poll": lambda: str(int(pause() * 1000)),
        "reload": lambda: str(max(shortest_reload, math.ceil(pause()))),
        "next_try": partial(str, view.next_try.iso if view.next_try else ""),
        "retry_opens": partial(str, view.retry_opens.iso if view.retry_opens else ""),
        "joined": partial(str, joined),
        "token": partial(str, here.access_links.token(found)),
        "form_token": lambda: here.form_tokens.issue(onboarding_id),
    }


def _pause(view: StageView) -> Callable[[], float]:
    """Seconds until the page asks again, a little different for each answer."""
    if view.retry_opens:
        return partial(float, view.poll_after or 0.0)
    return partial(jittered, view.poll_interval or 0.0)


def status_json(view: StageView) -> Response:
    return jsonify(
        stage=view.stage,
        status=view.status,
        reason=view.reason,
        attempts_left=view.attempts_left,
        can_retry_at=view.retry_opens.iso if view.retry_opens else None,
        poll_after_seconds=math.ceil(view.poll_after) if view.poll_after else None,
    )


def _context(found: Onboarding, view: StageView, *, part: Part | None) -> dict[str, object]:
    token = token_of(found)
    values = personal_values(found, view, portal())
    version, reference, poll, reload_, next_try, retry_opens, joined = (slot(name, values[name]()) for name in PERSONAL)
    return {
        "view": view.facts,
        "overturn_seconds": OVERTURN_POLL_SECONDS,
        "company": requesting_company(),
        "urls": Urls(
            page=url_to("applicant.onboarding", token=token),
            poll=url_to("applicant.status", token=token, v=version, part=part),
            continue_=url_to("applicant.open_hosted_page", token=token),
            retry=url_to("applicant.retry", token=token),
            photos_done=url_to("applicant.end_photos", token=token),
            stop=url_to("applicant.stop", token=token),
            number=url_to("applicant.show_correction", token=token),
            erasure=erasure_url(found),
            start=url_to("applicant.start") if is_direct_start(found, portal()) else None,
            back=partner_return_url(found, view.stage),
            version=version,
            poll_milliseconds=poll,
            reload_seconds=reload_,
            next_try=next_try,
            retry_opens=retry_opens,
        ),
        "capture": capture_of(found),
        "camera_is_blocked": view.is_camera_blocked,
        "device": second_device_of(found, view, joined=joined),
        "action_form": ActionForm(portal().form_tokens, found.id, attempt=found.validation_number),
        "reference": reference,
    }
