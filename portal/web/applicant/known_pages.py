"""The pages of applicants that `RememberedAnswers` keeps: what each depends on, and what is one person's only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.locales import Locale, locale_named
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.web.access_link import is_open
from portal.web.applicant.capture import CAMERA_BLOCKED, chosen_capture
from portal.web.applicant.details_page import DIRECT
from portal.web.applicant.partner_return import returns_to_partner
from portal.web.applicant.poll_version import PollVersion
from portal.web.applicant.stage_view import StageView
from portal.web.applicant.status_page import came_directly, personal_values
from portal.web.context import Portal
from portal.web.i18n import accepted_locale, print_time
from portal.web.in_app_browser import LONGEST, app_and_exit
from portal.web.links import BadLink, ExpiredLink
from portal.web.remembered_answers import Known

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# As our pages write them; anything else may mean the same, but Flask has to find out.
_PAGE = re.compile(r"/o/([A-Za-z0-9_.-]+)")
_POLL = re.compile(r"/o/([A-Za-z0-9_.-]+)/status")
_LOCALES = {str(locale): locale for locale in Locale}
_LANGUAGE = rf"(?:lang=(?P<lang>{'|'.join(_LOCALES)}))"
_PAGE_QUERY = re.compile(rf"{_LANGUAGE}?(?:(?(lang)&)(?P<via>via=qr))?")
_POLL_QUERY = re.compile(rf"(?:{_LANGUAGE}&)?(?:(?P<via>via=qr)&)?v=(?P<version>[A-Za-z0-9-]+)")
_READS_HTML = {"text/html", "*/*"}
_NOT_OPEN = (BadLink, ExpiredLink, UnknownOnboarding, StoreUnavailable)


class _Request(NamedTuple):
    """What a page depends on besides the onboarding."""

    lang: str | None
    via: str | None
    in_app: object
    is_camera_blocked: bool


def form(environ: WSGIEnvironment, here: Portal) -> Known | None:
    """The empty form of the first page."""
    query = _PAGE_QUERY.fullmatch(environ.get("QUERY_STRING", ""))
    if environ["PATH_INFO"] != "/" or query is None or "HTTP_HX_REQUEST" in environ or not here.config.direct_start:
        return None
    request = _request(environ, query)
    accepted = accepted_locale(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    locale = _LOCALES[request.lang] if request.lang else accepted or here.config.default_locale
    values = {"form_token": lambda: here.form_tokens.issue(DIRECT), "printed": lambda: print_time(here.clock(), locale)}
    return Known(("form", locale, request), here.release, values)


def unchanged_poll(environ: WSGIEnvironment, here: Portal) -> Known | None:
    """The poll that finds nothing new."""
    asked = _poll(environ)
    if asked is None:
        return None
    token, query, shown = asked
    try:
        state = here.onboardings.poll_state(here.access_links.onboarding_id(token))
    except _NOT_OPEN:
        return None
    locale = query["lang"] or state.locale
    is_blocked = environ.get("HTTP_X_CAMERA") == CAMERA_BLOCKED
    if not is_open(state, here.partners) or locale not in _LOCALES:
        return None
    if not shown.is_current(here.release, state.updated_at, here.clock(), locale=locale, is_camera_blocked=is_blocked):
        return None
    here.onboardings.views.note(state)
    return Known(("unchanged", state.partner), here.release, status="204")


def changed_poll(environ: WSGIEnvironment, here: Portal) -> Known | None:
    """The poll that finds another page than the one it is asked from, and gets the fragment."""
    asked = _poll(environ)
    if asked is None:
        return None
    token, query, shown = asked
    found = _opened(token, here)
    request = _request(environ, query)
    view = found and _view(found, request, here)
    if not found or not view or view.stage in {Stage.DETAILS, Stage.READY} or view.version == shown:
        return None
    here.onboardings.views.note(found)
    return _known("fragment", found, view, request, here)


def status_page(environ: WSGIEnvironment, here: Portal) -> Known | None:
    path = _PAGE.fullmatch(environ["PATH_INFO"])
    query = path and _PAGE_QUERY.fullmatch(environ.get("QUERY_STRING", ""))
    found = _opened(path[1], here) if path and query else None
    if not query or not found:
        return None
    request = _request(environ, query)
    view = _view(found, request, here)
    if not view or view.stage is Stage.DETAILS:
        return None
    here.onboardings.views.note(found)
    return _known("page", found, view, request, here)


def _poll(environ: WSGIEnvironment) -> tuple[str, re.Match[str], PollVersion] | None:
    path = _POLL.fullmatch(environ["PATH_INFO"])
    query = path and _POLL_QUERY.fullmatch(environ.get("QUERY_STRING", ""))
    if not path or not query or environ.get("HTTP_ACCEPT") not in _READS_HTML:
        return None
    shown = PollVersion.read(query["version"])
    return (path[1], query, shown) if shown else None


def _request(environ: WSGIEnvironment, query: re.Match[str]) -> _Request:
    in_app = app_and_exit(environ.get("HTTP_USER_AGENT", "")[:LONGEST])
    return _Request(query["lang"], query["via"], in_app, environ.get("HTTP_X_CAMERA") == CAMERA_BLOCKED)


def _opened(token: str, here: Portal) -> Onboarding | None:
    try:
        found = here.onboardings.get(here.access_links.onboarding_id(token))
    except _NOT_OPEN:
        return None
    return found if is_open(found, here.partners) else None


def _view(found: Onboarding, request: _Request, here: Portal) -> StageView | None:
    """None if its language is unknown, so that the browser decides."""
    locale = locale_named(request.lang or found.locale)
    if locale is None:
        return None
    return StageView(
        onboarding=found,
        standing=here.onboardings.standing(found),
        now=here.clock(),
        release=here.release,
        locale=locale,
        is_camera_blocked=request.is_camera_blocked,
    )


def _known(name: str, found: Onboarding, view: StageView, request: _Request, here: Portal) -> Known:
    kind = (
        (name, found.partner, view.locale, request, view.shown, found.validation_number),
        chosen_capture(found, here, is_blocked=request.is_camera_blocked),
        came_directly(found, here),
        returns_to_partner(found, view.stage, here.partners),
    )
    printed: dict[str, Callable[[], str]] = {"printed": lambda: print_time(view.now, view.locale)}
    return Known(kind, here.release, personal_values(found, view, here) | printed)
