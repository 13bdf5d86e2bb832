"""Advice on the page before the photos, by the country of the document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True, eq=False)
class PhotoTips:
    """Compared by identity, for each is made once and its texts follow the language."""

    drawing: Literal["card", "folded", "passport"]
    original: LazyString


_CEDULA = PhotoTips("card", _("Your cédula itself, not a copy, a photo of it or a screen."))
_TIPS = {
    "AR": PhotoTips("card", _("Your DNI card itself, the latest you received: not a copy and not the DNI in an app.")),
    "BR": PhotoTips("folded", _("Your CNH, RG or CIN itself: not a copy and not the document in an app.")),
    "CL": _CEDULA,
    "CO": _CEDULA,
    "MX": PhotoTips("card", _("Your INE card itself, not a copy, a photo of it or a screen.")),
    "PE": PhotoTips("card", _("Your DNI card itself, not a copy, a photo of it or a screen.")),
    "UY": _CEDULA,
}
_ELSEWHERE = PhotoTips("passport", _("Your passport or identity card itself, not a copy, a photo of it or a screen."))


def tips_for(country: str | None) -> PhotoTips:
    return _TIPS.get(country or "", _ELSEWHERE)
