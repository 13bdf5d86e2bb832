"""What changes the whole installation and not one onboarding, and how it is noted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

THE_SERVER = "the server"
"""Who made a change, if nobody typed a command."""
LONGEST = 500
# Names of settings, partners and their options are shorter; keys, signing secrets and hashes are longer.
_NO_NAME = re.compile(r"[^\s:,]{41,}")


class InstallationChange(StrEnum):
    KEYS_CHANGED = "keys_changed"
    """Settings that nothing shows: see `portal.config.SECRETS`."""
    SETTINGS_CHANGED = "settings_changed"
    PARTNERS_CHANGED = "partners_changed"
    PARTNER_PREPARED = "partner_prepared"
    """The entry was printed; `PARTNERS_CHANGED` follows when the server reads it."""
    API_KEY_MADE = "api_key_made"
    SIGNING_SECRET_MADE = "signing_secret_made"  # noqa: S105 - a word, and no secret
    NOTIFICATIONS_RESENT = "notifications_resent"
    PURGED = "purged"
    REKEYED = "rekeyed"
    RESTORED = "restored"
    MIGRATED = "migrated"


def in_short(names: Sequence[str]) -> str:
    """As many as there is room for, and how many more there are."""
    for shown in range(len(names), 0, -1):
        left = len(names) - shown
        text = ", ".join([*names[:shown], *([f"and {left} more"] if left else [])])
        if len(text) <= LONGEST:
            return text
    return f"{len(names)} in all"


def without_secrets(details: str) -> str:
    """The last guard: details are made of names and numbers, and what is longer than any of them is left out."""
    return _NO_NAME.sub("…", details)[:LONGEST]
