"""Reads the partners' TOML file, or reports the first error with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from portal.partners.registry import LOGO_BYTES, LOGO_TYPES, Logo, Partner, Registry

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class PartnersError(Exception):
    """The message names file, line and problem for the operator, without secrets."""


def read_registry(path: Path | None) -> Registry:
    """Empty without a path. Raises `PartnersError`."""
    if path is None:
        return Registry()
    try:
        text = path.read_text(encoding="utf-8")
        parsed = tomllib.loads(text)
    except RecursionError:
        raise PartnersError(f"{path}: is nested too deeply") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PartnersError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise PartnersError(f"{path}: {error}") from None
    source, tables = _Source(path, text), parsed.pop("partners", {})
    if parsed or not isinstance(tables, dict):
        raise PartnersError(f"{path}: must contain one table [partners.SLUG] for each partner and nothing else")
    partners = {slug: _partner(source, slug, table) for slug, table in tables.items()}
    _refuse_shared_secrets(source, partners.values())
    _refuse_two_without_a_prefix(source, partners.values())
    logos = {slug: _logo(source, partner) for slug, partner in partners.items() if partner.logo}
    return Registry(MappingProxyType(partners), MappingProxyType(logos))


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    text: str

    def error(self, slug: str, where: tuple[Any, ...], problem: str) -> PartnersError:
        named = ".".join(str(part) for part in ("partners", slug, *where))
        return PartnersError(f"{self.path}, line {self._line(slug, where)}: {named}: {problem}")

    def _line(self, slug: str, where: tuple[Any, ...]) -> int:
        """The line of the key, otherwise of its table; tomllib does not report lines."""
        *tables, key = (str(part) for part in where if not isinstance(part, int)) if where else ("",)
        header = 1
        found = None
        current: list[str] = []
        for number, line in enumerate(self.text.splitlines(), start=1):
            table = re.match(r"\s*\[\s*(.+?)\s*\]\s*(#.*)?$", line)
            if table:
                current = [part.strip().strip("\"'") for part in table[1].split(".")]
                header = number if current[:2] == ["partners", slug] and header == 1 else header
                header = number if current == ["partners", slug, *tables] else header
            elif current == ["partners", slug, *tables] and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                found = found or number
        return found or header


def _partner(source: _Source, slug: str, table: object) -> Partner:
    if not SLUG.fullmatch(slug):
        raise source.error(slug, (), "a slug has at most 40 lower-case letters, digits and dashes")
    if not isinstance(table, dict) or "slug" in table:
        raise source.error(slug, (), "must be a table without a slug: its name is the slug")
    try:
        return Partner.model_validate({**table, "slug": slug})
    except ValidationError as error:
        first = error.errors()[0]
        raise source.error(slug, first["loc"], first["msg"].removeprefix("Value error, ")) from None


def _refuse_shared_secrets(source: _Source, partners: Iterable[Partner]) -> None:
    seen: dict[str, str] = {}
    for partner in partners:
        for setting in ("api_keys", "signing_secrets"):
            for secret in getattr(partner, setting):
                owner = seen.setdefault(secret, partner.slug)
                if owner != partner.slug:
                    raise source.error(partner.slug, (setting,), f"one of these already belongs to partner {owner}")


def _refuse_two_without_a_prefix(source: _Source, partners: Iterable[Partner]) -> None:
    """At gu1, `customer-7` of both would be one entity, with the verdicts of both."""
    without = [partner.slug for partner in partners if not partner.prefix_external_ids]
    if len(without) > 1:
        problem = f"must be true: partner {without[0]} has no prefix either, so gu1 would mix up their customers"
        raise source.error(without[1], ("prefix_external_ids",), problem)


def _logo(source: _Source, partner: Partner) -> Logo:
    path = source.path.parent / (partner.logo or "")
    mimetype = LOGO_TYPES.get(path.suffix.lower())
    if mimetype is None:
        raise source.error(partner.slug, ("logo",), f"must be a file of {', '.join(LOGO_TYPES)}")
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise source.error(partner.slug, ("logo",), f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(content) > LOGO_BYTES:
        raise source.error(partner.slug, ("logo",), f"is larger than {LOGO_BYTES // 1024} KiB")
    return Logo(content, mimetype, sha256(content).hexdigest()[:12])
