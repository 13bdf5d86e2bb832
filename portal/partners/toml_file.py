"""The partners' TOML file: read whole, or refused with the line and the fault."""

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
    """Its text is for the operator: file, line and fault, without any secret."""


def read_registry(path: Path | None) -> Registry:
    """Empty where no file is named. Raises `PartnersError`."""
    if path is None:
        return Registry()
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except RecursionError:
        raise PartnersError(f"{path}: is nested too deeply") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PartnersError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise PartnersError(f"{path}: {error}") from None
    source, tables = _Source(path, text), told.pop("partners", {})
    if told or not isinstance(tables, dict):
        raise PartnersError(f"{path}: every partner is a table of its own, [partners.SLUG], and nothing stands beside")
    partners = {slug: _partner(source, slug, table) for slug, table in tables.items()}
    _refuse_what_is_shared(source, partners.values())
    _refuse_two_without_a_prefix(source, partners.values())
    logos = {slug: _logo(source, partner) for slug, partner in partners.items() if partner.logo}
    return Registry(MappingProxyType(partners), MappingProxyType(logos))


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    text: str

    def fault(self, slug: str, where: tuple[Any, ...], fault: str) -> PartnersError:
        named = ".".join(str(part) for part in ("partners", slug, *where))
        return PartnersError(f"{self.path}, line {self._line(slug, where)}: {named}: {fault}")

    def _line(self, slug: str, where: tuple[Any, ...]) -> int:
        """Of the key, else of the table that it belongs into; tomllib remembers no lines."""
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
        raise source.fault(slug, (), "a slug is lower-case letters, digits and dashes, 40 at the most")
    if not isinstance(table, dict) or "slug" in table:
        raise source.fault(slug, (), "must be a table, and its name is the slug")
    try:
        return Partner.model_validate({**table, "slug": slug})
    except ValidationError as error:
        first = error.errors()[0]
        raise source.fault(slug, first["loc"], first["msg"].removeprefix("Value error, ")) from None


def _refuse_what_is_shared(source: _Source, partners: Iterable[Partner]) -> None:
    seen: dict[str, str] = {}
    for partner in partners:
        for setting in ("api_keys", "signing_secrets"):
            for secret in getattr(partner, setting):
                owner = seen.setdefault(secret, partner.slug)
                if owner != partner.slug:
                    raise source.fault(partner.slug, (setting,), f"one of these is partner {owner}'s already")


def _refuse_two_without_a_prefix(source: _Source, partners: Iterable[Partner]) -> None:
    """What one of them calls `customer-7` would be the other's `customer-7` at gu1, with all its verdicts."""
    without = [partner.slug for partner in partners if not partner.prefix_external_ids]
    if len(without) > 1:
        fault = f"must be true: partner {without[0]} has no prefix either, and gu1 could not tell their customers apart"
        raise source.fault(without[1], ("prefix_external_ids",), fault)


def _logo(source: _Source, partner: Partner) -> Logo:
    path = source.path.parent / (partner.logo or "")
    mimetype = LOGO_TYPES.get(path.suffix.lower())
    if mimetype is None:
        raise source.fault(partner.slug, ("logo",), f"must be a file of {', '.join(LOGO_TYPES)}")
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise source.fault(partner.slug, ("logo",), f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(content) > LOGO_BYTES:
        raise source.fault(partner.slug, ("logo",), f"is larger than {LOGO_BYTES // 1024} KiB")
    return Logo(content, mimetype, sha256(content).hexdigest()[:12])
