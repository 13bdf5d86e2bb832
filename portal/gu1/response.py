"""A response of gu1, uninterpreted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: object = field(default=None, repr=False)
    """Parsed; None if it is not JSON."""
    retry_after: float | None = None
    """Seconds."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        return 400 <= self.status < 500
