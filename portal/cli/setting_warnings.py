"""Settings that are allowed and most likely not what was meant. `portal check` names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from portal.cli.common import unknown_settings
from portal.config import SECRETS, Config
from portal.domain.weak_secrets import miscopied
from portal.domain.web_addresses import is_loopback
from portal.gu1.probe.report import Finding
from portal.settings import Settings, weak_secrets

_PRODUCTION_KEY = re.compile(r"(gk_prod|gk_production|gk_live|sk_live|gsk_live)_")


def warnings_about(settings: Settings) -> tuple[Finding, ...]:
    found = [Finding(name, problem) for name, problem in unknown_settings(settings.environment)]
    found += _kind_of_key(settings.config)
    if settings.config.is_public and not settings.config.trusted_proxies:
        everybody = "behind a proxy everybody has its address, and the limits of starts count them as one"
        found.append(Finding("PORTAL_TRUSTED_PROXIES", f"is 0: {everybody}", is_warning=True))
    if settings.config.smtp_server and not settings.config.operator_name:
        nameless = "mails to applicants without a partner then do not say which company asks"
        found.append(Finding("PORTAL_OPERATOR_NAME", f"is not set: {nameless}", is_warning=True))
    for name, given in settings.environment.given.items():
        problem = miscopied(given.text)
        if problem and name not in SECRETS:
            found.append(Finding(name, problem))
    return tuple(found)


def suspicious_secrets(config: Config) -> tuple[Finding, ...]:
    """Where strangers reach the portal they prevent the start; elsewhere they work."""
    return tuple(Finding(name, problem) for name, problem in weak_secrets(config).items())


def _kind_of_key(config: Config) -> Iterator[Finding]:
    """gu1 has one address for both kinds, so only the key says whether people are verified and whether it costs."""
    key, is_mock = config.gu1_api_key, is_loopback(urlsplit(config.gu1_base_url).hostname or "")
    if config.has_sandbox_key and not is_mock:
        people = ", although people reach this portal" if config.is_public else ""
        yield Finding("GU1_API_KEY", f"a sandbox key at {config.gu1_base_url}: gu1 invents its verdicts{people}")
    if _PRODUCTION_KEY.match(key) and is_mock:
        yield Finding("GU1_API_KEY", f"a production key at {config.gu1_base_url}: it leaves for a gu1 on this machine")
    elif _PRODUCTION_KEY.match(key) and not config.is_public:
        yield Finding("GU1_API_KEY", "a production key, which costs, although only this machine reaches the portal")
