"""The pages of applicants that `ResponseCache` keeps: what each depends on, and what is one person's only."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.locales import Locale, locale_named
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.partners.registry import Partner
from portal.services.ports import PollState
from portal.web.access_link import is_open
from portal.web.applicant.capture import chosen_capture
from portal.web.applicant.partner_return import returns_to_partner
from portal.web.applicant.poll_version import PollVersion
from portal.web.applicant.stage_view import StageView
from portal.web.applicant.status_page import is_direct_start, personal_values, shows_current, view_of
from portal.web.context import Portal
from portal.web.countries import guessed_country
from portal.web.i18n import accepted_locale, print_time
from portal.web.in_app_browser import LONGEST, app_and_exit
from portal.web.links import DIRECT, BadLink, ExpiredLink, ReadLink
from portal.web.page_parts import CAMERA_BLOCKED, FINE, Part
from portal.web.response_cache import READ_AHEAD, CacheableResponse
from portal.web.visits import HEADERS_OF_PREFETCH, is_robot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# As our pages write them; anything else may mean the same, but Flask has to find out.
_PAGE = re.compile(r"/o/([A-Za-z0-9_.-]+)")
_POLL = re.compile(r"/o/([A-Za-z0-9_.-]+)/status")
_LOCALES = {str(locale): locale for locale in Locale}
_LANGUAGE = rf"(?:lang=(?P<lang>{'|'.join(_LOCALES)}))"
_PAGE_QUERY = re.compile(rf"{_LANGUAGE}?(?:(?(lang)&)(?P<via>via=qr))?")
_POLL_QUERY = re.compile(
    rf"(?:{_LANGUAGE}&)?(?:(?P<via>via=qr)&)?v=(?P<version>[A-Za-z0-9_-]+)&part={Part.STATUS}"
    rf"(?:&pointer={FINE})?(?P<camera>&camera={CAMERA_BLOCKED})?"
)
_READS_HTML = {"text/html", "*/*"}
_LONGEST = 500
"""Characters of path and query. Ours are half as long, and what is longer shall not fill the memory."""
_ASKED = "portal.asked"
"""In the WSGI environment: what `asked_for` found."""
MOST_KEPT = 2048
"""Pages of persons, of some four kilobytes each; then the oldest is forgotten."""
_LEFT_TO_FLASK = (BadLink, ExpiredLink, UnknownOnboarding, StoreUnavailable)


class _Query(NamedTuple):
    lang: str | None
    via: str | None
    is_camera_blocked: bool = False


class _Address(NamedTuple):
    token: str
    query: _Query
    page_version: PollVersion | None
    """Of a poll; None of a page."""


class StatusRequest(NamedTuple):
    """Which page or poll, and whose."""

    address: _Address
    link: ReadLink


class _Variant(NamedTuple):
    """What a page depends on besides the onboarding."""

    query: _Query
    in_app: object


def form(environ: WSGIEnvironment, here: Portal) -> CacheableResponse | None:
    """The empty form of the first page."""
    if environ["PATH_INFO"] != "/":
        return None
    query = _PAGE_QUERY.fullmatch(environ.get("QUERY_STRING", ""))
    if query is None or _is_unusual(environ) or not here.config.direct_start:
        return None
    variant = _variant(environ, _Query(query["lang"], query["via"]))
    accepted = accepted_locale(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    locale = _LOCALES[variant.query.lang] if variant.query.lang else accepted or here.config.default_locale
    values = {"form_token": lambda: here.form_tokens.issue(DIRECT), "printed": lambda: print_time(here.clock(), locale)}
    country = guessed_country(environ.get("HTTP_ACCEPT_LANGUAGE", ""), locale)
    return CacheableResponse(("form", locale, country, variant), here.release, values)


class StatusPages:
    """Status pages and their polls. What a page shows is kept until the onboarding changes or its time has come."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._lock = Lock()

    def poll(self, environ: WSGIEnvironment, here: Portal) -> CacheableResponse | None:
        asked = asked_for(environ, here)
        if asked is None:
            return None
        token, query, page_version = asked.address
        if page_version is None:
            return None
        state = _state(asked, environ, here)
        locale = state and (query.lang or state.locale)
        if state is None or locale not in _LOCALES:
            return None
        now, is_blocked = here.clock(), query.is_camera_blocked
        if shows_current(page_version, state, here, now, locale=locale, is_camera_blocked=is_blocked):
            here.onboardings.views.note(state, now)
            return CacheableResponse(("unchanged", state.partner), here.release, status="204")
        variant = _variant(environ, query, here.partners.get(state.partner))
        kept = self._kept_or_made("fragment", token, variant, state, here, nonblocking=READ_AHEAD in environ)
        if kept is None or kept.stage in {Stage.DETAILS, Stage.READY} or kept.version == page_version:
            return None
        here.onboardings.views.note(state, now)
        return kept.response

    def page(self, environ: WSGIEnvironment, here: Portal) -> CacheableResponse | None:
        asked = asked_for(environ, here)
        if asked is None or asked.address.page_version:
            return None
        token, query, _ = asked.address
        state = _state(asked, environ, here)
        if state is None or _is_unusual(environ):
            return None
        variant = _variant(environ, query, here.partners.get(state.partner))
        kept = self._kept_or_made("page", token, variant, state, here, nonblocking=READ_AHEAD in environ)
        if kept is None or kept.stage is Stage.DETAILS:
            return None
        here.onboardings.views.note(state, here.clock())
        return kept.response

    def _kept_or_made(
        self, name: str, token: str, variant: _Variant, state: PollState, here: Portal, *, nonblocking: bool
    ) -> _Kept | None:
        key = (name, token, variant)
        kept = self._kept.get(key)
        if kept and kept.is_current(state, here):
            return kept
        if nonblocking:
            return None
        found = _opened(token, here)
        view = found and _view(found, variant, here)
        if not found or not view:
            return None
        made = _Kept(view.stage, view.version, _cacheable(name, found, view, variant, here))
        # A time that is shown, and whether the hosted page opens, may move without the page's version.
        if view.stage is not Stage.READY and not view.next_try and not view.retry_opens:
            with self._lock:
                self._kept.pop(key, None)
                if len(self._kept) >= MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = made
        return made


def asked_for(environ: WSGIEnvironment, here: Portal) -> StatusRequest | None:
    """None if the request is neither for a status page nor a poll of one, or not as our pages write it.

    Kept in the environment, because reading ahead, the poll and the page each want it.
    """
    if _ASKED not in environ:
        path = environ["PATH_INFO"]
        environ[_ASKED] = _asked_for(environ, path, here) if path.startswith("/o/") else None
    asked: StatusRequest | None = environ[_ASKED]
    return asked


def _asked_for(environ: WSGIEnvironment, path: str, here: Portal) -> StatusRequest | None:
    query = environ.get("QUERY_STRING", "")
    if len(path) + len(query) > _LONGEST:
        return None
    address = _read_address(path, query)
    if address is None:
        return None
    if address.page_version and not (environ.get("HTTP_ACCEPT") in _READS_HTML and _is_visit(environ)):
        return None
    try:
        return StatusRequest(address, here.access_links.read(address.token))
    except (BadLink, ExpiredLink):
        return None


class _Kept(NamedTuple):
    """Of one person's page. Holds nothing that they typed."""

    stage: Stage
    version: PollVersion
    response: CacheableResponse

    def is_current(self, state: PollState, here: Portal) -> bool:
        version, now = self.version, here.clock()
        is_blocked = version.is_camera_blocked
        return shows_current(version, state, here, now, locale=version.locale, is_camera_blocked=is_blocked)


# A page asks with the same address until something changes.
@lru_cache(maxsize=8192)
def _read_address(path: str, query: str) -> _Address | None:
    poll, poll_query = _POLL.fullmatch(path), _POLL_QUERY.fullmatch(query)
    if poll and poll_query:
        page_version = PollVersion.read(poll_query["version"])
        values = _Query(poll_query["lang"], poll_query["via"], poll_query["camera"] is not None)
        return _Address(poll[1], values, page_version) if page_version else None
    page, page_query = _PAGE.fullmatch(path), _PAGE_QUERY.fullmatch(query)
    return _Address(page[1], _Query(page_query["lang"], page_query["via"]), None) if page and page_query else None


def _is_unusual(environ: WSGIEnvironment) -> bool:
    """Of a page from before an upgrade, when what was asked for stood in a header; or of a program."""
    return "HTTP_HX_REQUEST" in environ or not _is_visit(environ)


def _is_visit(environ: WSGIEnvironment) -> bool:
    return HEADERS_OF_PREFETCH.isdisjoint(environ) and not is_robot(environ.get("HTTP_USER_AGENT", ""))


def _variant(environ: WSGIEnvironment, query: _Query, partner: Partner | None = None) -> _Variant:
    user_agent = environ.get("HTTP_USER_AGENT", "")[:LONGEST]
    in_app = app_and_exit(user_agent, partner.webview if partner else None)
    return _Variant(query, in_app)


def _state(asked: StatusRequest, environ: WSGIEnvironment, here: Portal) -> PollState | None:
    link = asked.link
    try:
        state = environ[READ_AHEAD] if READ_AHEAD in environ else here.onboardings.poll_state(link.onboarding_id)
    except _LEFT_TO_FLASK:
        return None
    return state if state and is_open(state, link, here.partners) else None


def _opened(token: str, here: Portal) -> Onboarding | None:
    try:
        link = here.access_links.read(token)
        found = here.onboardings.get(link.onboarding_id)
    except _LEFT_TO_FLASK:
        return None
    return found if is_open(found, link, here.partners) else None


def _view(found: Onboarding, variant: _Variant, here: Portal) -> StageView | None:
    """None if its language is unknown, so that the browser decides."""
    locale = locale_named(variant.query.lang or found.locale)
    if locale is None:
        return None
    return view_of(
        found,
        here,
        locale=locale,
        is_camera_blocked=variant.query.is_camera_blocked,
    )


class _Kind:
    """All that a page depends on besides personal values; its hash is made once, because it takes long."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, *parts: Hashable) -> None:
        self._parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Kind) and self._parts == other._parts)


@lru_cache(maxsize=512)
def _the_one(kind: _Kind) -> _Kind:
    """The first of those that are equal, so that they are seen to be at once, and kept once."""
    return kind


def _cacheable(name: str, found: Onboarding, view: StageView, variant: _Variant, here: Portal) -> CacheableResponse:
    locale = view.locale
    kind = _Kind(
        *(name, found.partner, locale, variant, view.facts, found.validation_number),
        chosen_capture(found, here, is_blocked=variant.query.is_camera_blocked),
        is_direct_start(found, here),
        returns_to_partner(found, view.stage, here.partners),
    )
    printed: dict[str, Callable[[], str]] = {"printed": lambda: print_time(here.clock(), locale)}
    return CacheableResponse(_the_one(kind), here.release, personal_values(found, view, here) | printed)
