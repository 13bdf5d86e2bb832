"""What a rejection says to the applicant: what happened, what to do, what to have ready, and the button's words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.domain.reasons import Reason

TRY_AGAIN = _("Try again")


@dataclass(frozen=True, slots=True)
class ReasonText:
    title: LazyString
    cause: LazyString
    advice: LazyString
    """Only of use where there is another attempt, or a person to talk to."""
    at_hand: LazyString
    retry_label: LazyString = TRY_AGAIN
    shows_card: bool = False
    """Where the numbers stand on a DNI."""
    names_renewal: bool = False
    """Where a new DNI is to be had."""
    is_screen: LazyString | None = None
    """What of a DNI in an app is no document."""


def text_of(reason: Reason, country: str | None = "AR") -> ReasonText:
    """RENAPER and the DNI are Argentina's."""
    return (_ARGENTINA if country == "AR" else _ELSEWHERE).get(reason, _TEXTS[reason])


_CLEAN_CARD = _("Your DNI card, clean and without its cover")
_WITH_LIGHT = _("Your document and a place with good light")
_FOR_A_PERSON = _("Your document and the reference below")
_REGISTRY_SILENT = _("The national registry did not answer")
_NOTHING_TO_CORRECT = _(
    "There is nothing to correct: the same document is good as soon as the registry answers again. This attempt does "
    "not count."
)

_DNI_IN_APP = _("The digital DNI of Mi Argentina is valid elsewhere, but here the card itself has to be photographed.")

_TEXTS = {
    Reason.REGISTRY_DOCUMENT_MISSING: ReasonText(
        _("We could not read your document number"),
        _("The photos did not show the number clearly enough to look it up at RENAPER, the national registry."),
        _("Please take the photos again in good light, without reflections on the number."),
        _CLEAN_CARD,
    ),
    Reason.REGISTRY_GENDER_MISSING: ReasonText(
        _("One detail of your DNI could not be used"),
        _(
            "RENAPER, the national registry, needs the field “Sexo” of your DNI as F or M. Either the photos did not "
            "show it clearly, or your card really shows X or nothing there."
        ),
        _(
            "If your card shows F or M, please take the photos again with the whole card in the picture, in good light "
            "and without reflections. If it shows X or nothing, new photos do not change that: a person can look into "
            "it with you."
        ),
        _CLEAN_CARD,
    ),
    Reason.REGISTRY_UNAVAILABLE: ReasonText(
        _REGISTRY_SILENT,
        _("Nothing is wrong with you or your document. RENAPER, the national registry, did not answer in time."),
        _NOTHING_TO_CORRECT,
        _("Your DNI card"),
    ),
    Reason.REGISTRY_DOCUMENT_MISMATCH: ReasonText(
        _("Your document number does not match the registry"),
        _("The number on your document is not the one that RENAPER, the national registry, has on record."),
        _("Trying again would not change that. A person can look into it with you."),
        _("Your DNI card and the reference below"),
    ),
    Reason.REGISTRY_CARD_DATA_MISSING: ReasonText(
        _("The trámite number of your DNI is missing"),
        _(
            "Either the photos did not show it clearly, or your card or RENAPER, the national registry, really has "
            "none for you."
        ),
        _(
            "If your card has one, please photograph both sides again: the whole card, in good light and without "
            "reflections. If it has none, or if this happens again, a person can look into it with you."
        ),
        _CLEAN_CARD,
        shows_card=True,
    ),
    Reason.REGISTRY_CARD_OUTDATED: ReasonText(
        _("This is not your current DNI"),
        _(
            "Every DNI card has a trámite number of its own, and RENAPER, the national registry, has another one on "
            "record for you. This happens with older copies and with cards that expired or were replaced by a new one."
        ),
        _(
            "Please try again with the newest card that you have. If you are waiting for a new DNI, try again when you "
            "have it."
        ),
        _("The last DNI card that you received"),
        _("Retry with your current ID"),
        shows_card=True,
        names_renewal=True,
        is_screen=_DNI_IN_APP,
    ),
    Reason.DOCUMENT_UNREADABLE: ReasonText(
        _("We could not read your document"),
        _("The photos were not clear enough."),
        _(
            "Put the document on a plain surface in good light, keep all four corners in the picture and avoid "
            "reflections."
        ),
        _("Your document, clean and without its cover"),
    ),
    Reason.DOCUMENT_EXPIRED: ReasonText(
        _("Your document has expired"),
        _("Only a document that is still valid can be used."),
        _("If you have a newer one, please try again with it. If not, renew it first."),
        _("A document that is still valid"),
    ),
    Reason.DOCUMENT_UNSUPPORTED: ReasonText(
        _("This document cannot be used here"),
        _("Not every kind of document is accepted."),
        _("Please use the national identity card or the passport of the country that you chose."),
        _("Your identity card or passport"),
    ),
    Reason.DOCUMENT_AUTHENTICITY: ReasonText(
        _("We could not confirm your document"),
        _("The photos have to show the original document itself, not a screen, a photocopy or a picture of it."),
        _("Please take the photos again in good light, of the original document itself."),
        _("The original document"),
    ),
    Reason.DOCUMENT_DATA_MISMATCH: ReasonText(
        _("Some details do not agree"),
        _("The details on your document don't match each other, what you entered or an official record."),
        _("Please use your own document and photograph both sides of the same one."),
        _("Your own document, both sides clean"),
    ),
    Reason.FACE_MISMATCH: ReasonText(
        _("Your face could not be matched with your document"),
        _("This often comes from poor light or an old photo."),
        _("Please try again facing a window or a lamp, without sunglasses, cap or mask."),
        _WITH_LIGHT,
    ),
    Reason.LIVENESS_FAILED: ReasonText(
        _("The photo of your face did not work"),
        _("You have to be there yourself, live and alone."),
        _("Hold the phone at eye level and follow the steps on the screen slowly."),
        _WITH_LIGHT,
    ),
    Reason.FACE_UNCLEAR: ReasonText(
        _("Your face was not clear in the picture"),
        _("There may have been too little light, too much of it, or somebody else in the picture."),
        _("Please try again alone, in even light, with your whole face in the picture."),
        _WITH_LIGHT,
    ),
    Reason.UNDERAGE: ReasonText(
        _("There is a minimum age for this service"),
        _("According to your document you have not reached it yet."),
        _("If you think this is a mistake, a person can look at it."),
        _FOR_A_PERSON,
    ),
    Reason.NOT_ELIGIBLE: ReasonText(
        _("We could not complete your verification"),
        _("This verification cannot continue here."),
        _("A person can tell you what comes next."),
        _FOR_A_PERSON,
    ),
    Reason.UNSPECIFIED: ReasonText(
        _("We could not verify your identity"),
        _("The check did not come to a clear result."),
        _("Please try again in good light, with your document at hand."),
        _WITH_LIGHT,
    ),
}

_ARGENTINA = {
    Reason.DOCUMENT_EXPIRED: replace(_TEXTS[Reason.DOCUMENT_EXPIRED], names_renewal=True, is_screen=_DNI_IN_APP),
    Reason.DOCUMENT_UNSUPPORTED: replace(_TEXTS[Reason.DOCUMENT_UNSUPPORTED], is_screen=_DNI_IN_APP),
    Reason.DOCUMENT_UNREADABLE: replace(_TEXTS[Reason.DOCUMENT_UNREADABLE], is_screen=_DNI_IN_APP),
    Reason.DOCUMENT_AUTHENTICITY: replace(
        _TEXTS[Reason.DOCUMENT_AUTHENTICITY],
        advice=_("Please take the photos again in good light, of the DNI card itself and not of the DNI in an app."),
        at_hand=_("The original DNI card"),
        names_renewal=True,
        is_screen=_DNI_IN_APP,
    ),
}

PERSONS_DECISION = ReasonText(
    _("We could not verify your identity"),
    _("A person reviewed your verification and decided not to approve it."),
    _("Trying again would not change that. If you think this is a mistake, a person can look at it with you."),
    _FOR_A_PERSON,
)
"""Whatever the checks found before: the decision of a person is final here."""

_ELSEWHERE = {
    Reason.REGISTRY_UNAVAILABLE: ReasonText(
        _REGISTRY_SILENT,
        _("Nothing is wrong with you or your document. The registry that confirms it did not answer in time."),
        _NOTHING_TO_CORRECT,
        _("Your document"),
    ),
}
