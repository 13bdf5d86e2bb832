"""What kind of gu1 a key leads to: a few reads, and a finding for each contradiction of gu1's documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portal.gu1.parsing import identifier, mapping, moment, text
from portal.gu1.probe import detectors
from portal.gu1.probe.detectors import NOT_SEEN, Row
from portal.gu1.probe.probe_session import Get, ProbeSession
from portal.gu1.response import Response
from portal.gu1.validation_reader import read_total

NOBODY = "portal-check"
"""An external id that no entity has."""
ENTITIES_PATHS = ("/api/entities", "/entities")

_VALIDATIONS = "/api/kyc/validations"
_MOST_ENTITIES = 100
_NOT_FOUND = 404
_DECIDED = {"approved", "rejected"}
_ONLY_IN_WHOLE_ROWS = {"provider", "warnings", "decision"}
_NO_DATE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    found: str
    row: int | None = None
    """In the documented table of contradictions; None if gu1's documentation agrees with itself."""
    is_warning: bool = False


@dataclass(slots=True)
class _Seen:
    entities_path: str | None = None
    entities: object = None
    validations: object = None
    listed: list[Row] = field(default_factory=list)
    read: list[Row] = field(default_factory=list)
    of_entity: list[Row] = field(default_factory=list)
    entity_status: object = None
    current: Response | None = None


async def probe(get: Get, *, entities_path: str, sends_organization: bool) -> tuple[Finding, ...]:
    """Raises `Gu1Error` if the key is refused or gu1 does not respond. No finding contains personal data."""
    probe_session = ProbeSession(get)
    await probe_session.begin(f"{entities_path}/by-external-id/{NOBODY}")
    seen = await _read_all(probe_session, entities_path)
    return (
        Finding("key", "accepted" if probe_session.is_accepted else "not known: everything is HTTP 404"),
        Finding("organization header", "sent" if sends_organization else "not sent, not asked for", 12),
        Finding("errors", detectors.error_shape(probe_session.refusals), 5),
        *_of_lists(seen, entities_path),
        *_of_rows([*seen.read, *filter(_is_whole, seen.listed)]),
        *_of_entity(seen),
        Finding("limit", probe_session.limit or "not met"),
        Finding("refused or unanswered", detectors.in_words(probe_session.problems, "nothing")),
    )


async def _read_all(probe_session: ProbeSession, entities_path: str) -> _Seen:
    seen = _Seen()
    await _read_entities(probe_session, seen, entities_path)
    await _read_validations(probe_session, seen)
    if not seen.listed:
        return seen
    # The newest with a verdict shows the most.
    newest = min(seen.listed, key=lambda row: text(row.get("status")) not in _DECIDED)
    seen.read += filter(None, [mapping(await probe_session.ask("validation", f"{_VALIDATIONS}/{_id_of(newest)}"))])
    if entity_id := identifier((seen.read or [newest])[0].get("entityId")):
        await _read_entity(probe_session, seen, f"/api/kyc/entities/{entity_id}")
    return seen


async def _read_entities(probe_session: ProbeSession, seen: _Seen, configured: str) -> None:
    for path in (configured, *(path for path in ENTITIES_PATHS if path != configured)):
        answer = await probe_session.answer("entities", path, {"type": "person"})
        if answer is None or answer.status != _NOT_FOUND:
            break
    seen.entities = probe_session.good("entities", answer)
    seen.entities_path = path if seen.entities is not None else None


async def _read_validations(probe_session: ProbeSession, seen: _Seen) -> None:
    seen.validations = await probe_session.ask("validations", _VALIDATIONS)
    found = detectors.rows_of(seen.validations, "validations")
    if not any(row.get("status") == "approved" for row in found):
        approved = await probe_session.ask("approved validations", _VALIDATIONS, {"status": "approved"})
        found += detectors.rows_of(approved, "validations")
        seen.validations = approved if seen.validations is None else seen.validations
    seen.listed = _newest_first({_id_of(row): row for row in found if _id_of(row)}.values())


async def _read_entity(probe_session: ProbeSession, seen: _Seen, path: str) -> None:
    answer = await probe_session.ask("an entity's validations", f"{path}/validations")
    seen.of_entity = _newest_first(detectors.rows_of(answer, "validations"))
    seen.entity_status = await probe_session.ask("an entity's status", f"{path}/status")
    seen.current = await probe_session.answer("current validation", f"{path}/current")


def _of_lists(seen: _Seen, configured: str) -> tuple[Finding, ...]:
    rows = seen.listed
    readable = f"{len(detectors.observed(rows))} of {len(rows)}" if rows else NOT_SEEN
    return (
        Finding("entities path", _path(seen.entities_path, configured), 4),
        Finding("list of entities", detectors.envelope(seen.entities, "entities"), 3),
        Finding("entities visible", _entities_visible(seen)),
        Finding("list of validations", detectors.envelope(seen.validations, "validations")),
        Finding("validations visible", _validations_visible(seen)),
        Finding("validations that the portal can read", readable),
        Finding("rows of lists", detectors.in_words("whole" if _is_whole(row) else "short" for row in rows)),
        Finding("statuses", detectors.statuses(rows), 21),
    )


def _of_rows(rows: Sequence[Row]) -> tuple[Finding, ...]:
    observations = detectors.observed(rows)
    return (
        Finding("session", detectors.session(rows), 6),
        Finding("hosted page", detectors.link(rows), 7),
        Finding("life of a session", detectors.session_lifetime(observations), 8),
        Finding("expiresAt", detectors.expiry(rows), 9),
        Finding("metadata", detectors.metadata(rows), 18),
        Finding("decision", detectors.decision(rows), 22),
        Finding("features", detectors.features(rows), 23),
        Finding("media", detectors.media(rows), 24),
        Finding("warnings", detectors.warnings(rows), 25),
        Finding("double check", detectors.double_check(observations), 26),
    )


def _of_entity(seen: _Seen) -> tuple[Finding, ...]:
    status = mapping(seen.entity_status)
    return (
        Finding("isCurrent", detectors.current(seen.of_entity), 19),
        Finding("current validation", detectors.current_response(seen.current, seen.of_entity), 19),
        Finding("status answer's expiresAt", detectors.presence(status, "expiresAt") if status else NOT_SEEN, 32),
    )


def _path(found: str | None, configured: str) -> str:
    if found in {None, configured}:
        return found or NOT_SEEN
    return f"{found}, not {configured}: set GU1_ENTITIES_PATH"


def _entities_visible(seen: _Seen) -> str:
    if seen.entities is None:
        return NOT_SEEN
    count = len(detectors.rows_of(seen.entities, "entities"))
    return f"{count} or more" if count >= _MOST_ENTITIES else str(count)


def _validations_visible(seen: _Seen) -> str:
    return NOT_SEEN if seen.validations is None else str(max(read_total(seen.validations) or 0, len(seen.listed)))


def _id_of(row: Row) -> str | None:
    return identifier(row.get("id"))


def _is_whole(row: Row) -> bool:
    return bool(_ONLY_IN_WHOLE_ROWS & row.keys())


def _newest_first(rows: Iterable[Row]) -> list[Row]:
    """In gu1's order if it gives no dates."""
    return sorted(rows, key=lambda row: moment(row.get("createdAt")) or _NO_DATE, reverse=True)
