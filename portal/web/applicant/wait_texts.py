"""How long people usually wait, as a sentence."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import format_timedelta
from flask_babel import gettext as _

from portal.domain.waits import Wait

_NEXT_UNIT_FROM = 1
"""So that twelve hours are not half a day."""


def wait_sentence(wait: Wait) -> str:
    if wait.usual == wait.rarely_over:
        return str(_("It usually takes no more than %(long)s.", long=_span(wait.rarely_over)))
    usual, long = _span(wait.usual), _span(wait.rarely_over)
    return str(_("It usually takes about %(usual)s, and rarely more than %(long)s.", usual=usual, long=long))


def _span(seconds: int) -> str:
    return str(format_timedelta(timedelta(seconds=seconds), threshold=_NEXT_UNIT_FROM))
