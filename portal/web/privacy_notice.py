"""The notices behind the foot of every page, for the portal and for each partner.

Privacy: whose, what for, who gets what, how long, and which rights. Accessibility: what holds, and whom to tell.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, g, render_template, request

from portal.domain.provider_hosts import named_hosts
from portal.web.branding import branded_partner, show_as_partner
from portal.web.consent import asks_renaper
from portal.web.context import portal
from portal.web.i18n import current_language
from portal.web.requesting_company import requesting_company
from portal.web.stored_data_texts import kept_data

privacy = Blueprint("privacy", __name__)


@privacy.get("/privacy")
def notice() -> str:
    """`?partner=`: the slug of the partner for whose customers it is; also of one that is switched off."""
    _show_as_asked()
    config, company = portal().config, requesting_company()
    return render_template(
        "privacy.html",
        company=company,
        operator=config.operator_name if config.operator_name != company.name else None,
        of_partner=branded_partner() is not None,
        policy_url=config.privacy_url,
        provider=named_hosts(config.gu1_provider_hosts),
        direct_start=config.direct_start,
        asks_renaper=asks_renaper(),
        kept=kept_data(config),
    )


@privacy.get("/accessibility")
def accessibility() -> str:
    """`?partner=` as for the privacy notice."""
    _show_as_asked()
    return render_template("accessibility.html", company=requesting_company())


def _show_as_asked() -> None:
    slug = request.args.get("partner")
    if slug is not None:
        show_as_partner(portal().partners.get(slug) or abort(404))


def privacy_link() -> str | None:
    """For the foot of every page. None while the partner cannot be read: it would name the wrong company."""
    if g.get("hides_company"):
        return None
    return portal().config.privacy_url or _address_of("/privacy")


def accessibility_link() -> str:
    return _address_of("/accessibility")


def _address_of(path: str) -> str:
    # Not by `url_for`, which has no address to build on when the request's host cannot be parsed.
    partner = branded_partner()
    query = {"lang": str(current_language())} | ({"partner": partner.slug} if partner else {})
    return f"{path}?{urlencode(query)}"
