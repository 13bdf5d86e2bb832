"""A partner's name, logo and colours on its customers' pages. No other style of a partner is served."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flask import Blueprint, Response, abort, g, request, url_for
from markupsafe import Markup

from portal.domain.locales import locale_named
from portal.domain.onboarding import Onboarding
from portal.domain.theme import ColourScheme, Shades, Theme
from portal.partners.registry import Partner
from portal.services.ports import PollState
from portal.web.assets import stylesheet_of
from portal.web.context import portal
from portal.web.header_policy import ONE_YEAR
from portal.web.security import allow, digest_of

branding = Blueprint("branding", __name__)


@dataclass(frozen=True, slots=True)
class Brand:
    logo_url: str | None = None
    style: Markup | None = None
    scheme: ColourScheme = ColourScheme.AUTO


@branding.get("/logo/<slug>")
def logo(slug: str) -> Response:
    found = portal().partners.logos.get(slug)
    if found is None:
        abort(404)
    response = Response(found.content, mimetype=found.mimetype)
    is_asked_version = request.args.get("v") == found.version
    response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable" if is_asked_version else "no-store"
    # An SVG may contain scripts; this makes it a picture only.
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


def show_as(onboarding: Onboarding | PollState) -> None:
    """The rest of this answer, an error page too, is in the onboarding's language and its partner's look."""
    g.onboarding_locale = locale_named(onboarding.locale)
    g.partner = portal().partners.get(onboarding.partner)


def show_as_partner(partner: Partner) -> None:
    """The same for a page that is about no onboarding."""
    g.partner = partner


def public_partner(slug: str) -> Partner | None:
    """The partner at whose page anybody may start."""
    partner = portal().partners.get(slug)
    return partner if partner and partner.enabled and partner.start_page else None


def branded_partner() -> Partner | None:
    """The partner whose page this answer is."""
    found: Partner | None = g.get("partner")
    return found


def brand() -> Brand:
    """For `base.html`; also allows the styles of this partner's pages in the Content-Security-Policy."""
    partner = branded_partner()
    if partner is None:
        return Brand()
    found = portal().partners.logos.get(partner.slug)
    logo_url = url_for("branding.logo", slug=partner.slug, v=found.version) if found else None
    if partner.theme is None:
        return Brand(logo_url)
    palette = partner.theme
    if palette.scheme is not ColourScheme.AUTO:
        allow("style-src", f"'{digest_of(stylesheet_of(palette.scheme))}'")
    if palette.theme is None:
        return Brand(logo_url, scheme=palette.scheme)
    style = palette.scheme.applied(style_of(palette.theme))
    allow("style-src", f"'{digest_of(style)}'")
    return Brand(logo_url, Markup(style), palette.scheme)  # noqa: S704, made of colours that were checked


@cache
def style_of(theme: Theme) -> str:
    """The custom properties of `static/portal.css` that a theme may override."""
    light, dark = _tokens(theme.light), _tokens(theme.dark)
    return (
        f":root{{{light};--radius:{theme.radius}px}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "@media (prefers-contrast:more){:root{--accent:var(--accent-strong)}}"
    )


def _tokens(shades: Shades) -> str:
    named = {"accent": shades.accent, "accent-strong": shades.strong, "on-accent": shades.on_accent}
    return ";".join(f"--{name}:{colour}" for name, colour in (named | {"tint": shades.tint}).items())
