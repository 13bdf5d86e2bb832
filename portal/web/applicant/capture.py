"""Opening the hosted page, and what stands in its place after the applicant comes back."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.capture_modes import Capture
from portal.domain.onboarding import Onboarding
from portal.domain.provider_hosts import ANY_LOOPBACK
from portal.domain.reference import reference_of
from portal.domain.web_addresses import is_loopback
from portal.web.applicant.forms import ActionForm
from portal.web.applicant.second_device import is_watched_elsewhere
from portal.web.branding import show_as
from portal.web.context import Portal, portal
from portal.web.entry_device import QR
from portal.web.framing import allow_framing
from portal.web.in_app_browser import in_app_browser
from portal.web.page_parts import camera_is_blocked, has_mouse
from portal.web.requesting_company import requesting_company
from portal.web.security import allow, permit
from portal.web.urls import url_to

_LOOPBACK = ("127.0.0.1", "localhost", ".localhost")


def capture_of(found: Onboarding | None) -> Capture:
    """A new tab if the camera is blocked; else the request's choice, the partner's, the operator's."""
    return chosen_capture(found, portal(), is_blocked=camera_is_blocked())


def chosen_capture(found: Onboarding | None, here: Portal, *, is_blocked: bool) -> Capture:
    if is_blocked:
        return Capture.NEW_TAB
    partner = here.partners.get(found.partner) if found else None
    asked = found.capture if found else None
    return Capture(asked or (partner and partner.capture) or here.config.capture)


def opens_by_itself(found: Onboarding) -> bool:
    """False on a computer, which offers the phone first, and in an in-app browser, where the camera may not work."""
    is_expected = not has_mouse() and goes_straight_on(found, portal())
    return capture_of(found) is Capture.REDIRECT and is_expected and in_app_browser() is None


def goes_straight_on(found: Onboarding, here: Portal) -> bool:
    """To the photos, as soon as everything is ready: on a retry, or where operator or partner want it.

    Never if the page first has to say why the photos are needed once more.
    """
    partner = here.partners.get(found.partner)
    is_wanted = partner.auto_continue if partner and partner.auto_continue is not None else here.config.auto_continue
    return (is_wanted or found.validation_number > 1) and not found.needs_photos_again


def allow_hosted_frame() -> None:
    """Lets this answer show the provider's page in a frame, with camera and microphone."""
    hosts = portal().config.gu1_provider_hosts
    allow("frame-src", "'self'", *_sources(hosts))
    for feature in ("camera", "microphone"):
        permit(feature, *_origins(hosts))


def instead_of_hosted_page(found: Onboarding, page_url: str) -> str:
    """The URL to go to if there is no hosted page: never our status page inside its own frame."""
    return url_for("applicant.came_back") if capture_of(found) is Capture.FRAME and _is_framed() else page_url


def ask_to_open(found: Onboarding, address: str) -> str:
    """A button in place of the hosted page."""
    _allow_in_own_frame(found)
    form = ActionForm(portal().form_tokens, found.id, attempt=found.validation_number)
    return render_template("onboarding/ask_to_open.html", action=address, form=form)


def forward_to_hosted_page(found: Onboarding, address: str) -> str:
    """Not by a redirect: with form-action 'self' browsers block a form that ends on another host."""
    _allow_in_own_frame(found)
    return render_template("onboarding/forward.html", address=address)


def _allow_in_own_frame(found: Onboarding) -> None:
    if capture_of(found) is Capture.FRAME:
        allow("frame-ancestors", "'self'")


def after_hosted_page(found: Onboarding | None) -> ResponseReturnValue:
    """The page after the hosted page: the status, or a short note if the status page is still open elsewhere."""
    if found:
        show_as(found)
        allow_framing()
    reference = reference_of(found.id) if found else None
    capture, page_url = capture_of(found), _page_url(found) if found and _was_opened_by_this_link(found) else None
    if page_url and capture is Capture.REDIRECT:
        return redirect(page_url, 303)
    if capture is Capture.FRAME and _is_framed():
        is_sure = "Sec-Fetch-Dest" in request.headers
        allow("frame-ancestors", "'self'")
        return render_template(
            "onboarding/came_back_framed.html", page_url=None if is_sure else page_url, reference=reference
        )
    return render_template(
        "onboarding/came_back.html", page_url=page_url, company=requesting_company(), reference=reference
    )


def _was_opened_by_this_link(found: Onboarding) -> bool:
    """If not, whoever comes back may be somebody whose link the partner has ended."""
    opened_at = found.validation.opened_at if found.validation else None
    return found.link_issued_at is None or (opened_at is not None and opened_at >= found.link_issued_at)


def _page_url(found: Onboarding) -> str:
    """With `via=qr` if a computer is waiting; its polls tell, because the provider passes nothing of ours back."""
    via = QR if is_watched_elsewhere(found, portal().clock()) else None
    return url_to("applicant.onboarding", token=portal().access_links.token(found), via=via)


def _is_framed() -> bool:
    """Also true for old browsers, which do not say."""
    return request.headers.get("Sec-Fetch-Dest", "iframe") == "iframe"


def _sources(hosts: tuple[str, ...]) -> list[str]:
    """Content-Security-Policy sources, on every port of each host."""
    known = [name for host in hosts for name in (_LOOPBACK if host == ANY_LOOPBACK else (host,))]
    return [
        f"{scheme}://{_with_star(name)}:*"
        for name in known
        for scheme in (("https", "http") if is_loopback(name.removeprefix(".")) else ("https",))
    ]


def _origins(hosts: tuple[str, ...]) -> list[str]:
    """Permissions-Policy origins. It has no port wildcard, so loopback hosts need `*`."""
    if any(host == ANY_LOOPBACK or is_loopback(host.removeprefix(".")) for host in hosts):
        return ["*"]
    return ["self", *(f'"https://{_with_star(host)}"' for host in hosts)]


def _with_star(host: str) -> str:
    return f"*{host}" if host.startswith(".") else host
