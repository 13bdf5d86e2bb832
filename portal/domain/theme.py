"""A partner's colours: the given ones, those derived from them, and their contrast (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

TEXT_CONTRAST = 4.5

WHITE, BLACK = "#ffffff", "#000000"
_HEX = re.compile(r"#[0-9a-f]{6}")
_STEPS = 20


class ColourScheme(StrEnum):
    LIGHT = "light"
    DARK = "dark"
    AUTO = "auto"
    """As the person's system has it."""

    @property
    def keywords(self) -> str:
        """For `color-scheme`."""
        return "light dark" if self is ColourScheme.AUTO else self.value

    def applied(self, css: str) -> str:
        """`css` with the dark colours always or never.

        The query keeps its name, by which `static/portal.js` finds it if the page around a frame says otherwise.
        """
        if self is ColourScheme.AUTO:
            return css
        return _DARK_QUERY.sub(_QUERIES[self.value], css).replace("color-scheme:light dark", f"color-scheme:{self}")


_DARK_QUERY = re.compile(r"screen and \(prefers-color-scheme: ?dark\)")
_QUERIES = {
    "light": "screen and (prefers-color-scheme:dark) and (max-width:0)",
    "dark": "screen,screen and (prefers-color-scheme:dark)",
}


class Surface(NamedTuple):
    """The page's own colours, as in `static/portal.css`."""

    page: str
    card: str
    text: str


LIGHT = Surface(page="#f2f5f3", card=WHITE, text="#15201c")
DARK = Surface(page="#0d1412", card="#17201d", text="#e8efec")


class UnreadableTheme(ValueError):
    """Its text names the two colours whose contrast is too low."""


@dataclass(frozen=True, slots=True)
class Shades:
    """The colours derived from one accent; each a `#rrggbb`."""

    accent: str
    strong: str
    on_accent: str
    tint: str

    def pairs(self, surface: Surface) -> Iterator[tuple[str, str, str, str]]:
        """(name, colour, name, colour) of each text and its background."""
        yield "on_accent", self.on_accent, "accent", self.accent
        yield "accent", self.accent, "the page", surface.card
        yield "accent", self.accent, "its own tint", self.tint
        yield "the darker accent", self.strong, "the page", surface.card
        yield "on_accent", self.on_accent, "the darker accent", self.strong
        yield "the text", surface.text, "the tint", self.tint


@dataclass(frozen=True, slots=True)
class Theme:
    light: Shades
    dark: Shades
    radius: int
    """Pixels."""


def theme_of(accent: str, *, on_accent: str | None = None, dark_accent: str | None = None, radius: int = 12) -> Theme:
    """Raises `UnreadableTheme`. `dark_accent` defaults to the accent, lightened until it is readable."""
    light = _shades(accent, on_accent, LIGHT, away_from=BLACK)
    dark = _shades(dark_accent or _lightened(accent), None, DARK, away_from=WHITE)
    for shades, surface, where in ((light, LIGHT, ""), (dark, DARK, " in the dark theme")):
        for one, colour, other, ground in shades.pairs(surface):
            found = contrast(colour, ground)
            if found < TEXT_CONTRAST:
                raise UnreadableTheme(
                    f"{one} {colour} on {other} {ground} has a contrast of {found:.2f}{where}; "
                    f"{TEXT_CONTRAST} is the least that everybody can read"
                )
    return Theme(light, dark, radius)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two `#rrggbb`, from 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def is_colour(value: str) -> bool:
    return _HEX.fullmatch(value) is not None


def _shades(accent: str, on_accent: str | None, surface: Surface, *, away_from: str) -> Shades:
    best = max((WHITE, BLACK), key=lambda ink: contrast(ink, accent))
    return Shades(
        accent=accent,
        strong=_mixed(accent, away_from, 0.25),
        on_accent=on_accent or best,
        tint=_mixed(surface.card, accent, 0.1),
    )


def _lightened(accent: str) -> str:
    """The first step towards white that is readable on the dark card and on its own tint."""
    steps = (_mixed(accent, WHITE, step / _STEPS) for step in range(_STEPS + 1))
    return next(it for it in steps if min(contrast(it, DARK.card), contrast(it, _mixed(DARK.card, it, 0.1))) >= 5.5)


def _mixed(one: str, other: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(one), _channels(other), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
