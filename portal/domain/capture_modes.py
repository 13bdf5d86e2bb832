"""How the hosted page opens."""

from __future__ import annotations

from enum import StrEnum


class Capture(StrEnum):
    REDIRECT = "redirect"
    """In place of the portal's page."""
    NEW_TAB = "new-tab"
    FRAME = "frame"
    """In a frame on the status page."""
