"""What mails to applicants say. They have no personal data but the first name.

Anybody can type anybody's address and any name into the form, so the first mail has nothing that was typed, and the
others no name that could be a message.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from flask import Flask, render_template, url_for
from flask_babel import lazy_gettext as _

from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.domain.stage import Stage
from portal.domain.standing import Standing
from portal.services.mail import Mail, MailContent, MailKind, Recipient
from portal.web.branding import branded_partner, show_as
from portal.web.context import portal
from portal.web.i18n import current_language
from portal.web.local_times import local_time, zone_name
from portal.web.requesting_company import requesting_company

_LONGEST_GREETED = 30
_OF_LINKS = frozenset("./:@")
ACCENT, ON_ACCENT = "#0b5c4e", "#ffffff"


@dataclass(frozen=True, slots=True)
class _Words:
    subject: Any
    said: tuple[Any, ...]
    button: Any


_UNTIL = _("The link works until %(until)s, on any device. Whoever has it can go on for you, so keep it to yourself.")
_LINK = _Words(
    _("%(company)s: your link to the identity verification"),
    (_("Your details have arrived. With this link you can come back to your verification whenever you like."), _UNTIL),
    _("Open my verification"),
)
_PHOTOS = _Words(
    _("%(company)s: your photos are not finished"),
    (_("You began to take the photos and did not finish them."), _("You can go on until %(until)s.")),
    _("Go on with the photos"),
)
_EXPIRING = _Words(
    _("%(company)s: your link ends soon"),
    (_("Your identity verification is not finished, and its link works only until %(until)s."),),
    _("Go on"),
)
_APPROVED = _Words(
    _("%(company)s: your identity is verified"),
    (_("Your identity is verified. There is nothing more for you to do."),),
    _("See the result"),
)
_NEXT_STEP = _Words(
    _("%(company)s: one more step for your identity verification"),
    (
        _("Your identity is not verified yet. Your page says why, and what you can do."),
        _("You can go on until %(until)s."),
    ),
    _("See what to do"),
)
_OVER = _Words(
    _("%(company)s: the result of your identity verification"),
    (_("Your identity verification is over. Your page says how it ended and who can help you."),),
    _("See the result"),
)


def write_mail(app: Flask, mail: Mail, onboarding: Onboarding, recipient: Recipient) -> MailContent:
    """In the onboarding's language and its partner's name and colour."""
    with app.test_request_context("/", base_url=app.config["PORTAL_ORIGIN"]):
        show_as(onboarding)
        return _written(mail, onboarding, recipient)


def _written(mail: Mail, onboarding: Onboarding, recipient: Recipient) -> MailContent:
    company, partner = requesting_company(), branded_partner()
    standing = portal().onboardings.standing(onboarding)
    words = _words(mail.kind, standing)
    base = portal().config.base_url
    filled = {"company": company.name_in_sentence, "until": _until(mail.kind, onboarding)}
    unsubscribe_url = base + url_for("mails.stop", key=portal().mail_keys.key(onboarding.id))
    theme = partner.theme.theme if partner and partner.theme else None
    context = {
        "subject": str(words.subject) % filled,
        "first_name": _greeted(mail.kind, recipient.first_name),
        "said": [str(it) % filled for it in words.said],
        "button": words.button,
        "url": base + url_for("applicant.onboarding", token=portal().access_links.token(onboarding)),
        "reference": reference_of(onboarding.id),
        "company": company,
        "unsubscribe_url": unsubscribe_url,
        "accent": theme.light.accent if theme else ACCENT,
        "on_accent": theme.light.on_accent if theme else ON_ACCENT,
        "language": current_language(),
    }
    return MailContent(
        subject=context["subject"],
        text=render_template("mail/mail.txt", **context),
        html=render_template("mail/mail.html", **context),
        language=str(current_language()),
        unsubscribe_url=unsubscribe_url,
    )


def _greeted(kind: str, first_name: str) -> str:
    """Empty if nobody is greeted by name."""
    is_plain = not any(it in _OF_LINKS or it.isnumeric() for it in unicodedata.normalize("NFKC", first_name))
    return first_name if kind != MailKind.LINK and is_plain and len(first_name) <= _LONGEST_GREETED else ""


def _words(kind: str, standing: Standing) -> _Words:
    if kind != MailKind.RESULT:
        return {MailKind.LINK: _LINK, MailKind.PHOTOS: _PHOTOS}.get(MailKind(kind), _EXPIRING)
    if standing.stage is Stage.APPROVED:
        return _APPROVED
    return _OVER if standing.is_final else _NEXT_STEP


def _until(kind: str, onboarding: Onboarding) -> str:
    ends, validation = onboarding.link_ends_at, onboarding.validation
    if kind == MailKind.PHOTOS and validation:
        ends = min(ends, validation.ends_at)
    here = current_language(), onboarding.country
    return f"{local_time(ends, *here)} ({zone_name(*here)})"
