"""What `STORED_DATA` says of a person's data, in words of the page's language."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Literal

from babel.dates import format_timedelta
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from portal.config import Config
from portal.domain.stored_data import STORED_DATA, Form, Kept
from portal.web.i18n import current_language

_ = lazy_gettext

WHAT: dict[str, LazyString] = {
    "details": _("name, document number and e-mail"),
    "country_and_language": _("country and language"),
    "document_and_name_hashes": _("document number and name, to compare them with the document"),
    "person_hash": _("document or customer number, to count attempts"),
    "start_counts": _("network address, document number and e-mail, against abuse of the form"),
    "attempts": _("number of attempts"),
    "consent": _("when you agreed, and to which text"),
    "form_hash": _("the form as you sent it, to recognize a second sending"),
    "partner_customer": _("your number as a customer, and what the company sent with it"),
    "hosted_page_address": _("address of the page where you take the photos"),
    "provider_session": _("number of your session at the verification provider"),
    "onboarding_and_gu1_ids": _("numbers of the verification, here and at gu1"),
    "course_and_verdict": _("course, times and result of the verification"),
    "reverification": _("when you have to verify again"),
    "phone_codes": _("the code to go on with a phone, and when one did"),
    "last_visit": _("when you last opened the page"),
    "history": _("what changed in the verification, when and through whom"),
    "notifications": _("notices of the result to the company"),
    "mail_address": _("your e-mail address and first name, for e-mails about this verification"),
    "mails": _("which e-mails you were sent and when, and whether you stopped them"),
    "idempotency_keys": _("numbers of the company's requests, with their answers"),
    "request_hashes": _("contents of the company's requests, to recognize repeats"),
    "webhook_hashes": _("contents of gu1's messages, to recognize repeats"),
}
"""Of every entry of `STORED_DATA` that is about a person."""

FORMS: dict[Form, LazyString] = {
    Form.SEALED: _("encrypted"),
    Form.KEYED_HASH: _("as a code that cannot be read"),
    Form.HASH: _("as a code that cannot be read"),
}
"""What is not in it is kept as it is."""


def kept_data(config: Config) -> dict[str, list[str]]:
    """What is stored of a person, by how long it is kept."""
    found: dict[str, list[str]] = {}
    for kept in Kept:
        for key, entry in STORED_DATA.items():
            if entry.is_personal and entry.kept is kept:
                form = f" ({FORMS[entry.form]})" if entry.form in FORMS else ""
                found.setdefault(_how_long(kept, config), []).append(f"{WHAT[key]}{form}")
    return found


def _how_long(kept: Kept, config: Config) -> str:
    match kept:
        case Kept.UNTIL_AT_GU1:
            return str(gettext("Until gu1 has it, at the longest as long as your link works"))
        case Kept.UNTIL_OVER:
            return str(gettext("Until the verification is over, at the longest as long as your link works"))
        case Kept.LINK:
            return str(gettext("Until your link has expired and nothing is left to do"))
        case Kept.ONBOARDING if config.retention:
            return str(
                gettext("%(time)s after the last change of the finished verification", time=_time(config.retention))
            )
        case Kept.ONBOARDING:
            return str(gettext("With the verification, without a fixed end, until its data is erased"))
        case Kept.MONTH_AFTER_DELIVERY:
            return str(gettext("%(time)s after they arrived", time=_time(_MONTH)))
        case Kept.FOREVER | Kept.INSTALLATION_HISTORY:
            raise ValueError(f"nothing about a person is kept so long: {kept}")
    return _time(config.attempts_window if kept is Kept.ATTEMPTS_WINDOW else _TIMES[kept])


_MONTH = timedelta(days=30)
_TIMES = {Kept.DAY: timedelta(days=1), Kept.WEEK: timedelta(days=7), Kept.MONTH: _MONTH}
_UNITS: tuple[tuple[Literal["day", "hour", "minute"], timedelta], ...] = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


def _time(duration: timedelta) -> str:
    """Exact, in the largest unit that divides it: "36 hours", never "2 days"."""
    unit = next(name for name, length in _UNITS if not duration % length)
    return format_timedelta(duration, unit, threshold=math.inf, locale=current_language().catalogue)
