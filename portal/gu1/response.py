"""What gu1 answered to one question, before anybody made sense of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: object = field(default=None, repr=False)
    """None where there is no JSON."""
    retry_after: float | None = None
    """Seconds, where gu1 says so in a form that can be read."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        return 400 <= self.status < 500
