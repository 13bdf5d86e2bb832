"""Settings that work, but are insecure if strangers can reach the portal. `portal check` names them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import click
from publicsuffixlist import PSLFILE, PublicSuffixList
from sqlalchemy import URL

from portal.cli.common import registry
from portal.config import Config
from portal.domain.weak_secrets import unlike_random
from portal.domain.web_addresses import is_loopback
from portal.environment import ENV_FILE
from portal.gu1.probe.report import Finding
from portal.partners.registry import Partner
from portal.settings import secrets_of

_INTERNAL_NAME = re.compile(r"(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)\.?$|^[^.:]+\.?$")
_WITH_IPV4_AT_THE_END = [ip_network(it) for it in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")]

Resolve = Callable[[str], list[str]]
"""The addresses of a host. Raises `OSError`."""


def addresses_of(host: str) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def weaknesses_of(
    config: Config, resolve: Resolve = addresses_of, *, secret_files: Iterable[Path] = ()
) -> tuple[Finding, ...]:
    everywhere = tuple(_everywhere(config, secret_files))
    return everywhere + (tuple(_in_public(config, resolve)) if config.is_public else ())


def _everywhere(config: Config, secret_files: Iterable[Path]) -> Iterator[Finding]:
    if config.development:
        yield Finding("PORTAL_DEVELOPMENT", "notifications may go over plain http: not for production")
    for path in (*_private_files(config), *secret_files):
        if path.exists() and path.stat().st_mode & 0o077:
            yield Finding(path.name, "others than its owner may read it: chmod 600")


def _private_files(config: Config) -> Iterator[Path]:
    if config.is_sqlite:
        database = Path(str(config.database.database).removeprefix("file:"))
        yield from (database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm", ".keys"))
    if config.partners_path:
        yield config.partners_path
    yield ENV_FILE


def _in_public(config: Config, resolve: Resolve) -> Iterator[Finding]:
    if not config.metrics_port and not config.metrics_token:
        yield Finding("/metrics", "everybody may read it: set PORTAL_METRICS_PORT or PORTAL_METRICS_TOKEN")
    if is_loopback(urlsplit(config.gu1_base_url).hostname or ""):
        yield Finding("GU1_BASE_URL", "is on this machine: real people would be judged by a mock")
    if not config.operator_name and not config.contact_url:
        yield Finding("/privacy", "says neither who is responsible nor how to reach them: set PORTAL_OPERATOR_NAME")
    if not _is_encrypted(config.database):
        yield Finding("PORTAL_DATABASE_URL", "the connection may be unencrypted: add ?sslmode=verify-full")
    if config.log_level == "DEBUG":
        yield Finding("PORTAL_LOG_LEVEL", "DEBUG is for development")
    if config.direct_start and not config.start_limits.daily:
        yield Finding("PORTAL_STARTS_PER_DAY", "strangers may start without end, and each start may cost: set a limit")
    for name, secrets in secrets_of(config).items():
        if problem := next(filter(None, map(unlike_random, secrets)), None):
            yield Finding(name, problem)
    for host in filter(_is_anybodys, config.gu1_provider_hosts):
        yield Finding("GU1_PROVIDER_HOSTS", f"anybody can have a host below {host}: name the provider's own")
    try:
        partners = registry(config.partners_path, development=config.development).partners.values()
    except click.ClickException:  # the check of the partners file tells
        return
    for partner in partners:
        yield from _of_partner(partner, resolve)


def _is_anybodys(pattern: str) -> bool:
    """A pattern for hosts below one at which strangers can have a host of their own, or below which such a one is."""
    if not pattern.startswith("."):
        return False
    lines = Path(PSLFILE).read_text(encoding="utf-8").splitlines()
    is_below = any(line.endswith(pattern) for line in lines if not line.startswith("//"))
    return is_below or PublicSuffixList().is_public(pattern[1:])


def _is_encrypted(database: URL) -> bool:
    """Or does not leave this machine."""
    given = database.query.get("host") or database.host or ""
    hosts = given.split(",") if isinstance(given, str) else given
    if all(not host or host.startswith("/") or is_loopback(host) for host in hosts):
        return True
    return database.query.get("sslmode") in {"require", "verify-ca", "verify-full"}


def _of_partner(partner: Partner, resolve: Resolve) -> Iterator[Finding]:
    if partner.notify_url and _is_inside(urlsplit(partner.notify_url).hostname or "", resolve):
        yield Finding(partner.slug, "notify_url is on this machine or in a private network")
    if any(is_loopback(urlsplit(url).hostname or "") for url in (*partner.origins, *partner.return_urls)):
        yield Finding(partner.slug, "an origin or return URL is on the visitor's own machine")


def _is_inside(host: str, resolve: Resolve) -> bool:
    """Also by a name that only a private network resolves, and so maybe not this machine."""
    if _INTERNAL_NAME.search(host):
        return True
    try:
        return any(not _is_global(ip_address(address)) for address in resolve(host))
    except (OSError, ValueError):  # notifications will fail, which harms nobody
        return False


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    """Of an IPv6 address that a network translates to an IPv4 address, whether that is."""
    if isinstance(address, IPv4Address):
        return address.is_global
    translated = address.ipv4_mapped or address.sixtofour
    if any(address in network for network in _WITH_IPV4_AT_THE_END):
        translated = IPv4Address(int(address) & 0xFFFF_FFFF)
    return translated.is_global if translated else address.is_global and not address.is_site_local
