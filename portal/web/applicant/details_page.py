"""The details form: the whole page, or only the fields that depend on the country."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import LimitReached
from portal.domain.onboarding import EntityConflict, Onboarding, StallReason
from portal.domain.proof_of_work import bits_for, challenge_of, wait_for
from portal.domain.reference import reference_of
from portal.domain.sealed import SealedDetails
from portal.services.start_counters import FORM_USED
from portal.web.applicant.erasure_page import erasure_url
from portal.web.applicant.forms import DetailsForm
from portal.web.applicant.relative_time import RelativeTime, relative_time
from portal.web.consent import ShownConsent, consent_text
from portal.web.context import portal
from portal.web.countries import COUNTRY_NAMES, guessed_country
from portal.web.error_pages import error_page, retry_soon
from portal.web.i18n import current_language
from portal.web.page_parts import Part, asks_for
from portal.web.refusals import Refusal
from portal.web.requesting_company import hide_company, requesting_company


class AskedAgain(StrEnum):
    """Why details are asked for once more."""

    REFUSED = "refused"
    ENTITY_LOST = "entity_lost"
    CUIL_NEEDED = "cuil_needed"
    ANOTHER_PERSON = "another_person"


class Work(NamedTuple):
    """What a browser has to find out before its form is taken, see `portal/domain/proof_of_work.py`."""

    challenge: str
    bits: int
    otherwise: RelativeTime | None
    """When it is taken without."""


def asked_again(found: Onboarding) -> AskedAgain | None:
    """None if they are asked for the first time."""
    if found.conflict:
        return AskedAgain(found.conflict.value)
    if found.needs_details_again:
        return AskedAgain.ENTITY_LOST
    return AskedAgain.REFUSED if found.stall_reason is StallReason.DETAILS_REFUSED else None


def details_form(subject: str, found: Onboarding | None = None) -> DetailsForm:
    chosen = request.args.get("country")
    guessed = guessed_country(request.headers.get("Accept-Language", ""), current_language())
    form = DetailsForm(portal().form_tokens, subject, default_country=guessed)
    form.needs_cuil = found is not None and found.conflict is EntityConflict.CUIL_NEEDED
    if found and found.details and not isinstance(found.details, SealedDetails) and not form.is_submitted():
        form.fill_in(found.details)
        if asked_again(found) is AskedAgain.REFUSED and not chosen:
            form.mark_refused(found.details.document_number)
    if chosen in COUNTRY_NAMES and not form.is_submitted():
        form.country.data = chosen
    return form


def read_consent(form: DetailsForm) -> ShownConsent:
    """What the page said that the form was sent from; `was_read` is False if that is too little.

    Without scripts, or without the network, it may still have the text of the country that was chosen before. That of
    Argentina says all that the others do.
    """
    current = _consent(form.issuer)
    if current.was_read:
        return current
    fullest = _consent("AR")
    return fullest if fullest.was_read else current


def _consent(country: str) -> ShownConsent:
    return consent_text(country, is_typed=True)


def invalid_form_response(
    form: DetailsForm, action: str, found: Onboarding | None = None
) -> ResponseReturnValue | None:
    """The form again; None if all is valid and the number was shown as the country prints it."""
    asked = request.form.get("action")
    if asked in {"country", "language"}:
        is_unread = asked == "country" and form.consent.data and not read_consent(form).was_read
        form.consent.data = form.consent.data and not is_unread
        return details_page(form, action, found, consent_changed=is_unread)
    if not form.validate():
        return details_page(form, action, found, status=400)
    if not read_consent(form).was_read:
        form.consent.data = False
        return details_page(form, action, found, consent_changed=True)
    return None if form.number_was_shown else details_page(form, action, found, compares_number=True)


def redisplay_when_db_down(subject: str, action: str) -> ResponseReturnValue:
    """Keeps what was typed while the database is down; the onboarding itself cannot be read."""
    if "document_number" not in request.form:
        return error_page(503)  # a consent form, which must not be shown without the details it is about
    hide_company()
    form = details_form(subject)
    return invalid_form_response(form, action) or details_page(form, action, status=503, unavailable=True)


def details_response(form: DetailsForm, action: str, found: Onboarding | None = None) -> ResponseReturnValue:
    if asks_for(Part.DOCUMENT):
        return render_template("onboarding/_fields_of_country.html", form=form, consent=_consent(form.issuer))
    return details_page(form, action, found)


def limited_details_page(form: DetailsForm, action: str, limit: LimitReached) -> Response:
    """The form again, with all that was typed, and what helps: to send it once more, some work, or to come later."""
    counter = limit.counter
    if counter.key.startswith(FORM_USED):
        return details_page(form, action, status=409, sent_before=True)
    portal().refusals.count(Refusal.TOO_MANY)
    if counter.effort is None:
        return _come_back_later(form, action, limit.ends_at)
    return work_page(form, action, counter.effort_for(limit.used))


def work_page(form: DetailsForm, action: str, effort: int) -> Response:
    """The browser works and sends it again by itself; without scripts the person waits."""
    now = portal().clock()
    waits_until = now + wait_for(effort) - form.read_token.age
    work = Work(challenge_of(form.form_token.data), bits_for(effort), relative_time(waits_until, now))
    page = details_page(form, action, status=429, work=work)
    page.headers["Retry-After"] = str(max(1, math.ceil((waits_until - now).total_seconds())))
    return page


def _come_back_later(form: DetailsForm, action: str, ends_at: datetime) -> Response:
    now = portal().clock()
    ends_at = max(ends_at, now + timedelta(seconds=1))
    page = details_page(form, action, status=429, opens=relative_time(ends_at, now))
    page.headers["Retry-After"] = str(math.ceil((ends_at - now).total_seconds()))
    return page


def details_page(
    form: DetailsForm,
    action: str,
    found: Onboarding | None = None,
    *,
    status: int = 200,
    unavailable: bool = False,
    compares_number: bool = False,
    consent_changed: bool = False,
    sent_before: bool = False,
    work: Work | None = None,
    opens: RelativeTime | None = None,
) -> Response:
    if unavailable or work:
        form.keep_token()
    form.show_number()
    page = render_template(
        "onboarding/start.html",
        form=form,
        action=action,
        fragment_url=_with_part(action),
        asked_again=asked_again(found) if found else None,
        reference=reference_of(found.id) if found else None,
        erasure_url=erasure_url(found) if found else None,
        unavailable=unavailable,
        compares_number=compares_number,
        consent_changed=consent_changed,
        consent=_consent(form.issuer),
        sent_before=sent_before,
        work=work,
        opens=opens,
        company=requesting_company(),
    )
    return retry_soon(make_response(page, status))


def _with_part(action: str) -> str:
    return f"{action}{'&' if '?' in action else '?'}part={Part.DOCUMENT}"
