"""gu1's risk codes stand in four places of a row, as strings or as objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from portal.gu1.parsing import listing, mapping, text


def risk_codes(row: dict[str, object]) -> set[str]:
    """Without what the provider marks as information, even if gu1 repeats it elsewhere."""
    metadata = mapping(row.get("metadata"))
    renaper = mapping(mapping(metadata.get("responseDoubleChecks")).get("renaper"))
    provider = list(_of_decision(mapping(row.get("decision"))))
    counted = _codes(warning for warning in provider if not _is_note(warning))
    noted = _codes(filter(_is_note, provider)) - counted
    repeated = _codes(warning for warning in listing(row.get("warnings")) if not _is_note(warning))
    own = _codes([renaper.get("errorCode"), *listing(metadata.get("warnings"))])
    return own | counted | (repeated - noted)


def _of_decision(decision: dict[str, object]) -> Iterator[object]:
    """Each feature has a block, a list of blocks, or both; old responses have none."""
    yield from listing(decision.get("warnings"))
    for value in decision.values():
        for block in listing(value) or [value]:
            yield from listing(mapping(block).get("warnings"))


def _codes(warnings: Iterable[object]) -> set[str]:
    return {code for warning in warnings if (code := _code(warning))}


def _code(warning: object) -> str | None:
    fields = mapping(warning)
    return text(warning) or text(fields.get("risk")) or text(fields.get("code"))


def _is_note(warning: object) -> bool:
    kind = text(mapping(warning).get("log_type"))
    return kind is not None and kind.lower() == "information"
