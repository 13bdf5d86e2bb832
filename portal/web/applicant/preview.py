"""What chats show of a link."""

from __future__ import annotations

from flask import g, render_template, url_for

from portal.web.assets import static_address
from portal.web.branding import public_partner, show_as_partner
from portal.web.context import portal
from portal.web.requesting_company import requesting_company

_SHOWN_BY_CHATS = {"image/png", "image/webp"}


def preview(slug: str | None) -> str:
    """A partner's public page shows its name and logo; an access link shows no partner's."""
    partner = public_partner(slug) if slug else None
    path = static_address("preview.png")
    logo = None
    if partner:
        show_as_partner(partner)
        g.onboarding_locale = partner.locale
        logo = portal().partners.logos.get(partner.slug)
    is_logo = logo is not None and logo.mimetype in _SHOWN_BY_CHATS
    if logo and partner and is_logo:
        path = url_for("branding.logo", slug=partner.slug, v=logo.version)
    return render_template(
        "preview.html", company=requesting_company(), picture=portal().config.base_url + path, is_logo=is_logo
    )
