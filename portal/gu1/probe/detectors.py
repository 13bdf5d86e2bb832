"""Which version of gu1's documentation its responses follow, in words without personal data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from portal.domain.errors import Malformed
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, Observation
from portal.gu1.parsing import flag, identifier, listing, mapping, text
from portal.gu1.response import Response
from portal.gu1.validation_reader import GU1S_METADATA, read_validation

Row = dict[str, object]

NOT_SEEN = "not seen"
_WORD = re.compile(r"[a-z]+(_[a-z]+){0,3}")
_LONGEST_WORD = 24
_SESSION_NAMES = ("validationSessionId", "sessionId")
_LINK_NAMES = ("providerSessionUrl", "validation_url", "verificationUrl")
_NEWEST_DECISION = {"id_verification", "id_verifications", "liveness", "liveness_checks", "face_match", "face_matches"}
_LEGACY_DECISION = {"document_details", "extracted_information", "verification_results"}


def in_words(words: Iterable[str], otherwise: str = NOT_SEEN) -> str:
    return ", ".join(dict.fromkeys(words)) or otherwise


def rows_of(body: object, key: str) -> list[Row]:
    for rows in (body, mapping(body).get(key), mapping(body).get("data")):
        if isinstance(rows, list):
            return [mapping(row) for row in rows]
    return []


def envelope(body: object, key: str) -> str:
    if isinstance(body, list):
        return "bare"
    names = (name for name in (key, "data") if isinstance(mapping(body).get(name), list))
    return in_words(names, NOT_SEEN if body is None else "another")


def error_shape(refusals: Iterable[object]) -> str:
    return in_words(filter(None, (_error_shape(mapping(body)) for body in refusals)))


def statuses(rows: Iterable[Row]) -> str:
    seen = Counter(_status_word(row.get("status")) for row in rows)
    return in_words(f"{word} {count}" for word, count in seen.most_common())


def session(rows: Iterable[Row]) -> str:
    return in_words(_named(row, _SESSION_NAMES) for row in rows)


def link(rows: Iterable[Row]) -> str:
    return in_words(_named(row, _LINK_NAMES) for row in rows)


def expiry(rows: Iterable[Row]) -> str:
    return in_words(presence(row, "expiresAt") for row in rows)


def session_lifetime(observations: Iterable[Observation]) -> str:
    """Lifetime of sessions, from creation to expiry."""
    return in_words(
        f"{round((seen.expires_at - seen.created_at).total_seconds() / 86400, 1):g} days"
        for seen in observations
        if seen.expires_at and seen.created_at
    )


def metadata(rows: Iterable[Row]) -> str:
    return in_words(_metadata(row) for row in rows)


def decision(rows: Iterable[Row]) -> str:
    return in_words(_decision(mapping(row.get("decision"))) for row in rows if row.get("decision"))


def features(rows: Iterable[Row]) -> str:
    named = (text(name) for row in rows for name in listing(mapping(row.get("decision")).get("features")))
    return in_words("upper case" if name == name.upper() else "lower case" for name in named if name)


def media(rows: Iterable[Row]) -> str:
    values = (text(value) for row in rows for value in mapping(mapping(row.get("decision")).get("images")).values())
    return in_words("links" if value.startswith("https:") else "keys" for value in values if value)


def warnings(rows: Sequence[Row]) -> str:
    places = {
        "on top": (row.get("warnings") for row in rows),
        "in metadata": (mapping(row.get("metadata")).get("warnings") for row in rows),
        "in decision": (found for row in rows for found in _of_blocks(mapping(row.get("decision")))),
    }
    return in_words(
        f"{'strings' if isinstance(warning, str) else 'objects'} {place}"
        for place, found in places.items()
        for warnings in found
        for warning in listing(warnings)
    )


def double_check(observations: Iterable[Observation]) -> str:
    return in_words(
        f"{seen.double_check} while {seen.status}"
        for seen in observations
        if seen.double_check in {DoubleCheck.ANSWERED, DoubleCheck.UNANSWERED}
    )


def current(rows: Sequence[Row]) -> str:
    """Which of one entity's validations, given newest first, has isCurrent."""
    flags = [flag(row.get("isCurrent")) for row in rows]
    approved = [number for number, row in enumerate(rows) if row.get("status") == Status.APPROVED]
    if all(flagged is None for flagged in flags):
        return NOT_SEEN
    if flags.count(True) != 1:
        return f"{flags.count(True)} of {len(rows)}"
    if len(rows) == 1:
        return "the only one"
    place = flags.index(True)
    names = ["the newest"] * (place == 0) + ["the newest approved"] * (approved[:1] == [place])
    return in_words(names, "an older one")


def current_response(response: Response | None, rows: Sequence[Row]) -> str:
    if response is None:
        return NOT_SEEN
    if not response.is_success:
        return f"HTTP {response.status}"
    returned = identifier(mapping(response.body).get("id"))
    flagged = [identifier(row.get("id")) for row in rows if flag(row.get("isCurrent"))]
    return "the flagged one" if returned in flagged else "one that is not flagged"


def presence(row: Row, name: str) -> str:
    if name not in row:
        return "missing"
    return "null" if row[name] is None else "given"


def observed(rows: Iterable[Row]) -> list[Observation]:
    """Skips rows that the portal cannot read."""
    readable = []
    for row in rows:
        try:
            readable.append(read_validation(row))
        except Malformed:
            continue
    return readable


def _error_shape(body: Row) -> str | None:
    error = body.get("error")
    if isinstance(error, str):
        return "flat"
    if isinstance(error, dict):
        return "nested"
    return "code on top" if "code" in body else None


def _status_word(value: object) -> str:
    word = text(value) or ""
    if word in set(Status) - {Status.UNKNOWN}:
        return word
    return f"unknown to us: {word}" if _WORD.fullmatch(word) and len(word) <= _LONGEST_WORD else "unreadable"


def _named(row: Row, names: Sequence[str]) -> str:
    given = [name for name in names if name in row]
    return " and ".join(f"{name} {'null' if row[name] is None else 'given'}" for name in given) or "missing"


def _metadata(row: Row) -> str:
    value = mapping(row.get("metadata"))
    if not value:
        return "empty" if isinstance(row.get("metadata"), dict) else presence(row, "metadata")
    if "nonce" in mapping(value.get("portal")):
        return "echoed with our nonce"
    return "echoed" if value.keys() - GU1S_METADATA else "gu1's own only"


def _decision(value: Row) -> str:
    generations = {"newest": _NEWEST_DECISION, "legacy": _LEGACY_DECISION}
    return in_words((name for name, keys in generations.items() if keys & value.keys()), "another")


def _of_blocks(value: Row) -> Iterator[object]:
    yield value.get("warnings")
    for block in value.values():
        for part in listing(block) or [block]:
            yield mapping(part).get("warnings")
