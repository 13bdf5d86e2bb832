"""Reads the partners' TOML file, or reports what is wrong with it, line by line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from portal.partners.registry import LOGO_BYTES, LOGO_TYPES, Logo, Palette, Partner, Registry
from portal.setting_errors import found_text, problem_text

_SECRETS = (["api_keys"], ["signing_secrets"])
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class PartnersError(Exception):
    """The message has a line for each fault, with file, line and problem for the operator, without secrets."""


def read_registry(path: Path | None, *, development: bool = False) -> Registry:
    """Empty without a path. `development` allows what PORTAL_DEVELOPMENT allows. Raises `PartnersError`."""
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
    source, tables = _Source(path, text, development), parsed.pop("partners", {})
    if parsed or not isinstance(tables, dict):
        raise PartnersError(f"{path}: must contain one table [partners.SLUG] for each partner and nothing else")
    partners = {slug: partner for slug, table in tables.items() if (partner := _partner(source, slug, table))}
    _refuse_shared_secrets(source, partners.values())
    _refuse_two_without_a_prefix(source, partners.values())
    logos = {slug: logo for slug, partner in partners.items() if partner.logo and (logo := _logo(source, partner))}
    if source.faults:
        raise PartnersError("\n".join(source.faults))
    return Registry(MappingProxyType(partners), MappingProxyType(logos))


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    text: str
    development: bool
    faults: list[str] = field(default_factory=list)

    def refuse(self, slug: str, where: tuple[Any, ...], problem: str) -> None:
        named = ".".join(str(part) for part in ("partners", slug, *where))
        self.faults.append(f"{self.path}, line {self._line(slug, where)}: {named}: {problem}")

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


def _partner(source: _Source, slug: str, table: object) -> Partner | None:
    if not SLUG.fullmatch(slug):
        source.refuse(slug, (), "a slug has at most 40 lower-case letters, digits and dashes")
    elif not isinstance(table, dict) or "slug" in table:
        source.refuse(slug, (), "must be a table without a slug: its name is the slug")
    else:
        try:
            context = {"development": source.development}
            return Partner.model_validate({**table, "slug": slug}, context=context)
        except ValidationError as error:
            for problem in error.errors():
                source.refuse(slug, problem["loc"], _text(problem))
    return None


def _text(problem: ErrorDetails) -> str:
    where = [it for it in problem["loc"] if isinstance(it, str)]
    model = Palette if where[:1] == ["theme"] else Partner
    known = model.model_fields.keys() - {"slug"}
    return problem_text(
        problem, secret=where[:1] in _SECRETS, known=known, field=model.model_fields.get(where[-1]) if where else None
    )


def _refuse_shared_secrets(source: _Source, partners: Iterable[Partner]) -> None:
    seen: dict[str, str] = {}
    for partner in partners:
        for setting in ("api_keys", "signing_secrets"):
            for secret in getattr(partner, setting):
                owner = seen.setdefault(secret, partner.slug)
                if owner != partner.slug:
                    source.refuse(partner.slug, (setting,), f"one of these already belongs to partner {owner}")


def _refuse_two_without_a_prefix(source: _Source, partners: Iterable[Partner]) -> None:
    """At gu1, `customer-7` of both would be one entity, with the verdicts of both."""
    without = [partner.slug for partner in partners if not partner.prefix_external_ids]
    for slug in without[1:]:
        problem = f"must be true: partner {without[0]} has no prefix either, so gu1 would mix up their customers"
        source.refuse(slug, ("prefix_external_ids",), problem)


def _logo(source: _Source, partner: Partner) -> Logo | None:
    path = source.path.parent / (partner.logo or "")
    mimetype = LOGO_TYPES.get(path.suffix.lower())
    problem = None if mimetype else f"must be a file of {', '.join(LOGO_TYPES)}"
    try:
        content = path.read_bytes() if mimetype else b""
    except (OSError, ValueError) as error:
        content, problem = b"", f"cannot be read: {getattr(error, 'strerror', error)}"
    if len(content) > LOGO_BYTES:
        problem = f"is larger than {LOGO_BYTES // 1024} KiB"
    if problem or not mimetype:
        source.refuse(partner.slug, ("logo",), f"{problem}; found {found_text(partner.logo)}")
        return None
    return Logo(content, mimetype, sha256(content).hexdigest()[:12])
