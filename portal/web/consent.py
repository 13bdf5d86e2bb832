"""The text that people agree to, and its version.

What was agreed to is kept as version, language and digest: of this very text, with its company, provider and country.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from flask import request
from flask_babel import gettext as _

from portal.domain.onboarding import ConsentText
from portal.domain.provider_hosts import named_hosts
from portal.web.branding import branded_partner
from portal.web.context import portal
from portal.web.i18n import current_language
from portal.web.mail_stop import gets_mails
from portal.web.requesting_company import requesting_company

CONSENT_VERSION = "2027-03"
"""Raise it whenever the text changes; a test compares them."""
_SHORT = 10
_FIELD = "read"


@dataclass(frozen=True, slots=True)
class ShownConsent:
    use: str
    check: str
    registry: str
    """Empty where no registry is asked."""
    more: tuple[str, ...]
    language: str
    digest: str

    @property
    def short(self) -> str:
        """Comes back with the form."""
        return self.digest[:_SHORT]

    @property
    def was_read(self) -> bool:
        """False if the form was sent from a page with another text; older pages do not say."""
        read = request.form.get(_FIELD)
        return read is None or read == self.short

    def read_as(self, version: str) -> ConsentText:
        """Without language and digest if the page did not say which text it had. `version`: of the page's release."""
        if _FIELD not in request.form:
            return ConsentText(version)
        return ConsentText(version, self.language, self.digest)


def agreement() -> str:
    return str(_("I agree to the verification of my identity"))


def consent_text(country: str | None, *, is_typed: bool) -> ShownConsent:
    """For documents of `country`; `is_typed`: the person gives the details on the same page."""
    return _consent_text(
        str(current_language()),
        requesting_company().name_in_sentence,
        named_hosts(portal().config.gu1_provider_hosts),
        is_typed=is_typed,
        gets_mails=gets_mails(),
        asks_registry=country == "AR" and asks_renaper(),
    )


@lru_cache(maxsize=256)  # each form that is sent has it twice
def _consent_text(
    language: str, company: str, hosts: str, *, is_typed: bool, gets_mails: bool, asks_registry: bool
) -> ShownConsent:
    """`language`: the one that texts are translated to now."""
    if hosts:
        use = _(
            "To confirm who you are, %(company)s and the verification provider (%(provider)s) use your details, photos of your document and a photo or short video of your face.",  # noqa: E501
            company=company,
            provider=hosts,
        )
    else:
        use = _(
            "To confirm who you are, %(company)s and its verification provider use your details, photos of your document and a photo or short video of your face.",  # noqa: E501
            company=company,
        )
    check = _("They check with them that the document is valid and that it is yours.")
    registry = _("RENAPER, Argentina's national registry, may be asked too.") if asks_registry else ""
    more = []
    if is_typed:
        more.append(_("What you enter is encrypted and used for this verification only."))
    if gets_mails:
        more.append(
            _(
                "If your e-mail address is given, you get at most four e-mails about this verification. The address is kept encrypted for that, and deleted when the verification is over."  # noqa: E501
            )
        )
    more.append(_("You decide, and you can stop at any time."))
    parts = filter(None, (use, check, registry, *more, agreement()))
    digest = sha256("\n".join(parts).encode()).hexdigest()
    return ShownConsent(str(use), str(check), str(registry), tuple(map(str, more)), language, digest)


def asks_renaper() -> bool:
    """For documents from Argentina, of the partner whose page this is."""
    partner = branded_partner()
    own = partner.renaper if partner else None
    return portal().config.gu1_double_check_renaper if own is None else own
