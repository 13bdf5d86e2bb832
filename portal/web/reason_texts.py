"""What a rejection says to the applicant: a title, advice, what to have ready, and the button's words."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.domain.reasons import Reason

TRY_AGAIN = _("Try again")


@dataclass(frozen=True, slots=True)
class ReasonText:
    title: LazyString
    advice: LazyString
    at_hand: LazyString | None = None
    """What to have ready for the next attempt."""
    retry_label: LazyString = TRY_AGAIN


def text_of(reason: Reason) -> ReasonText:
    return _TEXTS[reason]


_TEXTS = {
    Reason.REGISTRY_DOCUMENT_MISSING: ReasonText(
        _("We could not read your document number"),
        _(
            "The photos did not show the number clearly enough to look it up at RENAPER, the national registry. "
            "Please take them again in good light."
        ),
        _("Your DNI card, clean and without its cover"),
    ),
    Reason.REGISTRY_GENDER_MISSING: ReasonText(
        _("One detail of your DNI could not be read"),
        _(
            "RENAPER, the national registry, needs the field “Sexo” of your DNI, and the photos did not show it "
            "clearly. Please take them again. If the same happens twice, contact the company that asked for the "
            "verification."
        ),
        _("Your DNI card, clean and without its cover"),
    ),
    Reason.REGISTRY_UNAVAILABLE: ReasonText(
        _("The national registry did not answer"),
        _(
            "Nothing is wrong with you or your document. RENAPER, the national registry, did not answer in time. "
            "Please wait some minutes and try again."
        ),
        _("Your DNI card"),
    ),
    Reason.REGISTRY_DOCUMENT_MISMATCH: ReasonText(
        _("Your document number does not match the registry"),
        _(
            "The number on your document is not the one that RENAPER, the national registry, has on record. Trying "
            "again would not change that. Please contact the company that asked for the verification."
        ),
    ),
    Reason.REGISTRY_CARD_DATA_MISSING: ReasonText(
        _("Part of your DNI could not be read"),
        _(
            "The photos did not show the trámite number of your DNI clearly. Please photograph both sides again: the "
            "whole card, in good light and without reflections."
        ),
        _("Your DNI card, clean and without its cover"),
    ),
    Reason.REGISTRY_CARD_OUTDATED: ReasonText(
        _("This is not your current DNI"),
        _(
            "Every DNI card has its own trámite number. RENAPER, the national registry, has another one on record for "
            "you. This happens with older copies and with cards that expired or were replaced. Please try again with "
            "the newest card you have."
        ),
        _("The last DNI card that you received"),
        _("Retry with your current ID"),
    ),
    Reason.DOCUMENT_UNREADABLE: ReasonText(
        _("We could not read your document"),
        _(
            "The photos were not clear enough. Put the document on a plain surface in good light, keep all four "
            "corners in the picture and avoid reflections."
        ),
        _("Your document, clean and without its cover"),
    ),
    Reason.DOCUMENT_EXPIRED: ReasonText(
        _("Your document has expired"),
        _("Only a document that is still valid can be used. If you have a newer one, please try again with it."),
        _("A document that is still valid"),
    ),
    Reason.DOCUMENT_UNSUPPORTED: ReasonText(
        _("This document cannot be used here"),
        _(
            "Please use the national identity card or the passport of the country that you chose. Other documents "
            "may not be accepted."
        ),
        _("Your identity card or passport"),
    ),
    Reason.DOCUMENT_AUTHENTICITY: ReasonText(
        _("We could not confirm your document"),
        _(
            "The photos have to show the original document itself, not a screen, a photocopy or a picture of it. "
            "Please take them again in good light."
        ),
        _("The original document"),
    ),
    Reason.DOCUMENT_DATA_MISMATCH: ReasonText(
        _("Some details do not agree"),
        _(
            "What could be read from your document does not agree with itself or with what you wrote. Please use "
            "your own document and photograph both sides of the same one."
        ),
        _("Your own document, both sides clean"),
    ),
    Reason.FACE_MISMATCH: ReasonText(
        _("Your face could not be matched with your document"),
        _(
            "This often comes from poor light or an old photo. Please try again facing a window or a lamp, without "
            "sunglasses, cap or mask."
        ),
        _("Your document and a place with good light"),
    ),
    Reason.LIVENESS_FAILED: ReasonText(
        _("The photo of your face did not work"),
        _(
            "The camera has to see you yourself, alone and live. Hold the phone at eye level and follow the steps on "
            "the screen slowly."
        ),
        _("Your document and a place with good light"),
    ),
    Reason.FACE_UNCLEAR: ReasonText(
        _("Your face was not clear in the picture"),
        _(
            "There may have been too little light, too much of it, or somebody else in the picture. Please try again "
            "alone, in even light, with your whole face in the picture."
        ),
        _("Your document and a place with good light"),
    ),
    Reason.UNDERAGE: ReasonText(
        _("There is a minimum age for this service"),
        _(
            "According to your document you have not reached it. If you think this is a mistake, please contact the "
            "company that asked for the verification."
        ),
    ),
    Reason.NOT_ELIGIBLE: ReasonText(
        _("We could not complete your verification"),
        _("It cannot go on here. Please contact the company that sent you; they can tell you what comes next."),
    ),
    Reason.UNSPECIFIED: ReasonText(
        _("We could not verify your identity"),
        _(
            "The check did not come to a clear result. You may try again in good light, with your document at hand. "
            "If the same happens again, please contact the company that asked for the verification."
        ),
        _("Your document and a place with good light"),
    ),
}
