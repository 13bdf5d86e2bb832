"""Tolerant readers of what gu1 answers: any JSON becomes a value or `Malformed`, never another error.

gu1's pages contradict each other, so names are tried in the order of their age, newest first, and whatever
is not needed may be missing or of any type.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from portal.domain.errors import Malformed
from portal.domain.onboarding import DoubleCheck, Observation
from portal.domain.status import Status
from portal.gu1.fields import identifier, mapping, moment, text
from portal.gu1.risk_codes import reason_of
from portal.gu1.warning_codes import risk_codes

LONGEST_WAIT = 3600.0

_STATUSES = {status.value: status for status in Status}
# Their numbers are not the one that people type, so a difference would mean nothing.
_OTHER_DOCUMENT_WORDS = (
    *("passport", "pasaporte", "passaporte"),
    *("driv", "licen", "conduc", "motorista", "habilita"),
    *("resid", "permi"),
)
_OTHER_DOCUMENT_CODES = frozenset({"p", "dl", "rp", "cnh"})


def read_validation(body: object) -> Observation:
    row = mapping(body)
    gu1_id = identifier(row.get("id"))
    word = text(row.get("status"))
    if gu1_id is None or word is None:
        raise Malformed("a validation without a usable id or status")
    status = _STATUSES.get(word, Status.UNKNOWN)
    return Observation(
        gu1_id=gu1_id,
        entity_id=identifier(row.get("entityId")),
        status=status,
        session_url=text(row.get("providerSessionUrl")),
        session_id=identifier(row.get("validationSessionId")) or identifier(row.get("sessionId")),
        double_check=_double_check(row),
        reason=reason_of(risk_codes(row)) if status is Status.REJECTED else None,
        document_number=_document_number(row),
        nonce=identifier(mapping(mapping(row.get("metadata")).get("portal")).get("nonce")),
        created_at=moment(row.get("createdAt")),
        updated_at=moment(row.get("updatedAt")),
        expires_at=moment(row.get("expiresAt")),
        verified_at=moment(row.get("verifiedAt")),
    )


def read_validations(body: object) -> list[Observation]:
    """Rows that cannot be read are left out."""
    readable = []
    for row in read_rows(body):
        try:
            readable.append(read_validation(row))
        except Malformed:
            continue
    return readable


def read_rows(body: object) -> list[object]:
    """The rows of one page of a list, as they came."""
    for rows in (body, mapping(body).get("validations"), mapping(body).get("data")):
        if isinstance(rows, list):
            return rows
    raise Malformed("a list of validations without a list")


def read_total(body: object) -> int | None:
    """How many rows all pages have together, where the page says so."""
    page = mapping(body)
    for total in (page.get("total"), mapping(page.get("pagination")).get("total")):
        if isinstance(total, int) and not isinstance(total, bool) and total >= 0:
            return total
    return None


def read_entity_id(body: object) -> str:
    entity_id = _entity_id(body)
    if entity_id is None:
        raise Malformed("an entity without a usable id")
    return entity_id


def read_entity_of(body: object, external_id: str) -> str | None:
    """The id of the entity that has our `external_id`, from one entity or a list of them.

    None where gu1 answers with nobody or, by a lookup that it does not understand, with somebody else.
    """
    for entity in _entities(body):
        stated = mapping(entity).get("externalId", external_id)
        if stated == external_id:
            return read_entity_id(entity)
    return None


def read_refusal(body: object) -> tuple[str | None, str | None]:
    """gu1's error code, and the existing entity's id where a duplicate was refused."""
    answer = mapping(body)
    error = mapping(answer.get("error"))
    code = text(answer.get("error")) or text(error.get("code")) or text(answer.get("code"))
    for details in (error.get("details"), answer.get("details"), error, answer):
        if entity_id := identifier(mapping(details).get("existingEntityId")):
            return code, entity_id
    return code, None


def read_retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds from now, an hour at most; None where the header is missing, past or absurd."""
    stated = (header or "").strip()
    if stated.isascii() and stated.isdigit():
        return min(float(stated), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(stated)
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def _entities(body: object) -> list[object]:
    answer = mapping(body)
    for entities in (body, answer.get("entities"), answer.get("data")):
        if isinstance(entities, list):
            return entities
    return [mapping(answer.get("entity")) or mapping(answer.get("data")) or body]


def _entity_id(body: object) -> str | None:
    answer = mapping(body)
    for entity in (answer.get("entity"), answer.get("data"), answer):
        if entity_id := identifier(mapping(entity).get("id")):
            return entity_id
    return None


def _double_check(row: dict[str, object]) -> DoubleCheck | None:
    metadata = mapping(row.get("metadata"))
    if _is_result(mapping(mapping(metadata.get("responseDoubleChecks")).get("renaper"))):
        return DoubleCheck.ANSWERED
    asked = mapping(metadata.get("doubleChecks")).get("renaper")
    if not isinstance(asked, bool):
        return None
    return DoubleCheck.UNANSWERED if asked else DoubleCheck.NOT_ASKED


def _is_result(answer: dict[str, object]) -> bool:
    return bool(
        text(answer.get("errorCode")) or isinstance(answer.get("verified"), bool) or text(answer.get("matchResult"))
    )


def _document_number(row: dict[str, object]) -> str | None:
    extracted = mapping(row.get("extractedData"))
    read = mapping(mapping(row.get("decision")).get("id_verification"))
    kinds = (extracted.get("documentType"), read.get("document_type"))
    if any(_is_other_document(kind) for kind in kinds):
        return None
    return _letters_and_digits(extracted.get("documentNumber")) or _letters_and_digits(read.get("document_number"))


def _is_other_document(kind: object) -> bool:
    word = (text(kind) or "").strip().lower()
    return word in _OTHER_DOCUMENT_CODES or any(part in word for part in _OTHER_DOCUMENT_WORDS)


def _letters_and_digits(number: object) -> str | None:
    stated = identifier(number) or text(number) or ""
    return "".join(sign for sign in stated if sign.isascii() and sign.isalnum()).upper() or None
