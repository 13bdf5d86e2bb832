"""The poll that finds nothing new, for `RememberedAnswers`: one read, and no page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.locales import Locale
from portal.web.access_link import is_open
from portal.web.applicant.capture import CAMERA_BLOCKED
from portal.web.applicant.poll_version import PollVersion
from portal.web.context import Portal
from portal.web.links import BadLink, ExpiredLink
from portal.web.remembered_answers import Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# As the page writes them; anything else may mean the same, but Flask has to find out.
_PATH = re.compile(r"/o/([A-Za-z0-9_.-]+)/status")
_QUERY = re.compile(rf"(?:lang=({'|'.join(Locale)})&)?(?:via=qr&)?v=([A-Za-z0-9-]+)")
_ACCEPTS = {"text/html", "*/*"}
_LOCALES = {str(locale) for locale in Locale}


def unchanged_poll(environ: WSGIEnvironment, here: Portal) -> Kind | None:
    path = _PATH.fullmatch(environ["PATH_INFO"])
    query = path and _QUERY.fullmatch(environ["QUERY_STRING"])
    if not path or not query or environ.get("HTTP_ACCEPT") not in _ACCEPTS:
        return None
    shown = PollVersion.read(query[2])
    if shown is None or shown.opens_hosted_page:
        return None
    try:
        state = here.onboardings.poll_state(here.access_links.onboarding_id(path[1]))
    except (BadLink, ExpiredLink, UnknownOnboarding, StoreUnavailable):
        return None
    locale = query[1] or state.locale
    is_blocked = environ.get("HTTP_X_CAMERA") == CAMERA_BLOCKED
    if not is_open(state, here.partners) or locale not in _LOCALES:
        return None
    if not shown.is_current(here.release, state.updated_at, here.clock(), locale=locale, is_camera_blocked=is_blocked):
        return None
    here.onboardings.views.note(state)
    return Kind("204", here.release, state.partner)
