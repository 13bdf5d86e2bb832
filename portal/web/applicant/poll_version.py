"""The version of the status page in a browser. A poll with the current version is answered without rendering."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import NamedTuple, Self

from portal.domain.waits import Wait

_WAIT = r"-([a-z_]{1,20})-([A-Z]{2})-([0-9]{1,9})-([0-9]{1,9})"
_VERSION = re.compile(
    r"([0-9]{1,20})-([0-9a-f]{8})-([0-9]{1,20}|never)(-opens)?(-blocked)?-([a-z]{2}(?:-[A-Z]{2})?)" rf"(?:{_WAIT})?"
)
_NEVER = "never"

WaitOf = Callable[[str, str, datetime], Wait | None]
"""Of a stage and a country, at a time."""


class ShownWait(NamedTuple):
    """How long people wait, as the page says it; `wait`: None if it does not say it for want of figures."""

    stage: str
    country: str
    wait: Wait | None

    def __str__(self) -> str:
        usual, rarely_over = self.wait or (0, 0)
        return f"-{self.stage}-{self.country}-{usual}-{rarely_over}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollVersion:
    """Written into the page's poll URL. A forged one tells only its sender that nothing changed."""

    updated_at: int
    """When the onboarding last changed visibly, in microseconds since 1970."""
    release: str
    """Of the portal's code and settings."""
    changes_at: float
    """The Unix time, in whole seconds, at which the page changes by time alone."""
    locale: str
    opens_hosted_page: bool = False
    """A poll of this page may have to redirect to the hosted page, so the whole onboarding must be read."""
    is_camera_blocked: bool = False
    shown_wait: ShownWait | None = None
    """None if the page would not say it, whatever the figures."""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None if this is no version of ours."""
        found = _VERSION.fullmatch(text)
        if found is None:
            return None
        updated_at, release, changes_at, opens, blocked, locale, stage, country, *seconds = found.groups()
        usual, rarely_over = (int(it or 0) for it in seconds)
        return cls(
            updated_at=int(updated_at),
            release=intern(release),  # thousands of these are kept
            changes_at=math.inf if changes_at == _NEVER else float(changes_at),
            locale=intern(locale),
            opens_hosted_page=opens is not None,
            is_camera_blocked=blocked is not None,
            shown_wait=ShownWait(stage, country, Wait(usual, rarely_over) if usual else None) if stage else None,
        )

    def is_current(
        self,
        release: str,
        updated_at: datetime,
        now: datetime,
        *,
        wait_of: WaitOf,
        locale: str,
        is_camera_blocked: bool,
    ) -> bool:
        said = self.shown_wait
        return (
            not self.opens_hosted_page
            and self.updated_at == microseconds(updated_at)
            and self.release == release
            and now.timestamp() < self.changes_at
            and self.locale == locale
            and self.is_camera_blocked == is_camera_blocked
            and (said is None or said.wait == wait_of(said.stage, said.country, now))
        )

    def __str__(self) -> str:
        changes_at = _NEVER if math.isinf(self.changes_at) else str(int(self.changes_at))
        flags = ("-opens" if self.opens_hosted_page else "") + ("-blocked" if self.is_camera_blocked else "")
        return f"{self.updated_at}-{self.release}-{changes_at}{flags}-{self.locale}{self.shown_wait or ''}"


def microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
