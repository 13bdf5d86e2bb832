"""What the services count and time; `portal.metrics` shows it."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    def count(self, event: str, **labels: str) -> None:
        """Labels must never hold personal data."""

    def observe(self, event: str, seconds: float, **labels: str) -> None:
        """How long something took."""

    def show(self, name: str, value: float, **labels: str) -> None:
        """How much of something there is now."""


class NoMeter:
    def count(self, event: str, **labels: str) -> None:
        pass

    def observe(self, event: str, seconds: float, **labels: str) -> None:
        pass

    def show(self, name: str, value: float, **labels: str) -> None:
        pass
