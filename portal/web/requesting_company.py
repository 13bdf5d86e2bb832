"""The company that asked for the verification, and its contact."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from flask import g
from flask_babel import gettext as _

from portal.web.branding import branded_partner
from portal.web.context import portal

_WHATSAPP = {"wa.me", "api.whatsapp.com"}


@dataclass(frozen=True, slots=True)
class RequestingCompany:
    name: str | None = None
    contact_url: str | None = None

    @property
    def name_in_sentence(self) -> str:
        """For use inside a sentence."""
        return self.name or str(_("the company that asks for this verification"))

    @property
    def contact_label(self) -> str:
        """Contains the address or number itself, so that it can be used on another device."""
        scheme, address = self._parts
        if scheme == "mailto":
            return str(_("Write to %(address)s", address=address))
        if scheme == "tel":
            return str(_("Call %(number)s", number=address))
        if urlsplit(self.contact_url or "").hostname in _WHATSAPP:
            return str(_("Write on WhatsApp"))
        return str(_("Open the help page"))

    @property
    def contact_is_page(self) -> bool:
        """And not what an app of the device opens."""
        return self._parts[0] == "https"

    def contact_link(self, reference: str | None) -> str:
        """Puts the reference into the subject of an e-mail, unless the configured address has its own parameters."""
        url = self.contact_url or ""
        if reference is None or self._parts[0] != "mailto" or "?" in url:
            return url
        return f"{url}?subject={quote(_('Reference: %(reference)s', reference=reference))}"

    @property
    def _parts(self) -> tuple[str, str]:
        parts = urlsplit(self.contact_url or "")
        return parts.scheme, unquote(parts.path)


def hide_company() -> None:
    """For pages made while the partner cannot be read: nobody must consent to the wrong company."""
    g.hides_company = True


def requesting_company() -> RequestingCompany:
    """The partner whose page this is, else the operator, whose contact also serves partners without one."""
    if g.get("hides_company"):
        return RequestingCompany()
    config, partner = portal().config, branded_partner()
    if partner is None:
        return RequestingCompany(config.operator_name, config.contact_url)
    return RequestingCompany(partner.name, partner.contact_url or config.contact_url)
