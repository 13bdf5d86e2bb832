"""Faults in the delivery of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_type_hints

from e2e.mock_gu1.forms import as_number

FORGERIES = ("no", "wrong", "unsigned", "other_secret")


class WrongSwitch(ValueError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFaults:
    """Applies to every delivery until changed."""

    delay: float = 0.0
    """Seconds before a delivery is first tried."""
    copies: int = 1
    """How often each delivery is sent."""
    shuffle: float = 0.0
    """Deliveries are delayed randomly by up to this many seconds, so that later ones may overtake."""
    lose_every: int = 0
    """Every nth is never sent; 0 is none."""
    lose: float = 0.0
    """The probability that a delivery is never sent."""
    forge: str = "no"
    """Signed wrongly, unsigned, or signed with another secret."""
    hold: bool = False
    """Held until `POST /_mock/webhooks/release`."""

    def changed(self, changes: Mapping[str, object]) -> WebhookFaults:
        """Raises `WrongSwitch` without changing anything."""
        checked: dict[str, Any] = {name: _checked(name, value) for name, value in changes.items()}
        return replace(self, **checked)

    def described(self) -> dict[str, Any]:
        return asdict(self)


NAMES = tuple(field.name for field in fields(WebhookFaults))
_RANGES = {"copies": (1, 100), "lose": (0, 1)}
_TYPES = get_type_hints(WebhookFaults)


def _checked(name: str, value: object) -> object:
    if name not in NAMES:
        raise WrongSwitch(f"there is no switch {name!r}; there are {', '.join(NAMES)}")
    if name == "forge":
        if value not in FORGERIES:
            raise WrongSwitch(f"forge is one of {', '.join(FORGERIES)}")
        return value
    if name == "hold":
        if value not in (True, False, "true", "false"):
            raise WrongSwitch("hold is true or false")
        return value in (True, "true")
    return _number(name, value)


def _number(name: str, value: object) -> float | int:
    number = as_number(value)
    least, most = _RANGES.get(name, (0, 1_000_000))
    if number is None or not least <= number <= most:
        raise WrongSwitch(f"{name} is a number from {least} to {most}")
    return int(number) if _TYPES[name] is int else number
