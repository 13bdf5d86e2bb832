"""Tolerant readers of gu1's validations: any JSON becomes a value or `Malformed`, never another error.

gu1's documentation contradicts itself, so a field is looked for under its newest name first, then under older ones.
Fields that the portal does not need may be missing or of any type.
"""

from __future__ import annotations

import re

from portal.domain.errors import Malformed
from portal.domain.name_match import Name, name_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, Observation
from portal.gu1.parsing import code, count, flag, identifier, letters_and_digits, mapping, moment, text
from portal.gu1.risk_codes import reason_of
from portal.gu1.warning_codes import risk_codes

GU1S_METADATA = frozenset({"doubleChecks", "responseDoubleChecks", "warnings"})
"""What gu1 itself adds to our metadata."""

_STATUSES = {status.value: status for status in Status}
# These documents have other numbers than the one that applicants type, so a difference means nothing.
_OTHER_DOCUMENT_WORDS = (
    *("passport", "pasaporte", "passaporte"),
    *("driv", "licen", "conduc", "motorista", "habilita"),
    *("resid", "permi"),
)
_OTHER_DOCUMENT_CODES = frozenset({"p", "dl", "rp", "cnh"})

_DECIDED = frozenset({Status.APPROVED, Status.REJECTED})
_IN_REVIEW, _APPROVED, _DECLINED = "in review", "approved", "declined"
"""The provider's words in `decision.status`."""

_ABOUT_DETAILS = re.compile("TAX|DOCUMENT|NAME|EMAIL|COUNTRY|VALIDATION_ERROR|INVALID_INPUT")


def read_validation(body: object) -> Observation:
    row = mapping(body)
    gu1_id = identifier(row.get("id"))
    status = read_status(row.get("status"))
    metadata = mapping(row.get("metadata"))
    if gu1_id is None or status is None:
        raise Malformed("a validation without a usable id or status")
    reason = reason_of(risk_codes(row)) if status is Status.REJECTED else None
    return Observation(
        gu1_id=gu1_id,
        entity_id=identifier(row.get("entityId")) or identifier(mapping(row.get("entity")).get("id")),
        status=status,
        session_url=text(row.get("providerSessionUrl")),
        session_id=identifier(row.get("validationSessionId")) or identifier(row.get("sessionId")),
        double_check=_double_check(row),
        omits_double_check=_omits_double_check(row),
        reason=reason,
        document_number=_document_number(row),
        name=_name(row),
        by_person=_is_by_person(row, status, is_explained=reason is not None),
        nonce=identifier(mapping(metadata.get("portal")).get("nonce")),
        onboarding_id=identifier(mapping(metadata.get("portal")).get("onboarding")),
        has_metadata=bool(metadata.keys() - GU1S_METADATA),
        created_at=moment(row.get("createdAt")),
        updated_at=moment(row.get("updatedAt")),
        expires_at=moment(row.get("expiresAt")),
        verified_at=moment(row.get("verifiedAt")),
    )


def read_answer(body: object) -> Observation:
    """A validation, alone or in an envelope."""
    answer = mapping(body)
    if "id" in answer:
        return read_validation(answer)
    return read_validation(answer.get("validation") or answer.get("data"))


def read_synced(body: object) -> Observation | None:
    """None if the response only acknowledges the request."""
    if body is not None and not isinstance(body, dict):
        raise Malformed("a response that is not a JSON object")
    try:
        return read_answer(body)
    except Malformed:
        return None


def read_status(value: object) -> Status | None:
    """`Status.UNKNOWN` for an unlisted word, None if there is no word."""
    word = text(value)
    return _STATUSES.get(word, Status.UNKNOWN) if word else None


def read_validations(body: object) -> list[Observation]:
    """Skips rows that cannot be read."""
    readable = []
    for row in read_rows(body):
        try:
            readable.append(read_validation(row))
        except Malformed:
            continue
    return readable


def read_rows(body: object) -> list[object]:
    """The unparsed rows of one page."""
    for rows in (body, mapping(body).get("validations"), mapping(body).get("data")):
        if isinstance(rows, list):
            return rows
    raise Malformed("a list of validations without a list")


def read_total(body: object) -> int | None:
    """The number of rows on all pages, if stated."""
    page = mapping(body)
    totals = (count(page.get("total")), count(mapping(page.get("pagination")).get("total")))
    return next((total for total in totals if total is not None), None)


def read_has_more(body: object) -> bool | None:
    """Whether another page follows, if stated."""
    page = mapping(body)
    stated = (flag(page.get("hasMore")), flag(mapping(page.get("pagination")).get("hasMore")))
    return next((more for more in stated if more is not None), None)


def read_refusal(body: object) -> tuple[str | None, str | None]:
    """gu1's error code, and the id of the existing entity if it refused a duplicate."""
    answer = mapping(body)
    error = mapping(answer.get("error"))
    stated = code(answer.get("error")) or code(error.get("code")) or code(answer.get("code"))
    for details in (error.get("details"), answer.get("details"), error, answer):
        if entity_id := identifier(mapping(details).get("existingEntityId")):
            return stated, entity_id
    return stated, None


def is_about_details(http_status: int, code: str | None) -> bool:
    """Whether gu1 refused what the applicant typed.

    Only INVALID_TAX_ID is documented; without a code, the typed number is more often wrong than our configuration.
    """
    return http_status in {400, 422} and (code is None or _ABOUT_DETAILS.search(code) is not None)


def _is_by_person(row: dict[str, object], status: Status, *, is_explained: bool) -> bool:
    """gu1 marks no decision of a person, but the provider's own word then does not fit the status.

    A code that explains a rejection, for example RENAPER's, makes such a difference without a person. RENAPER's word
    is in the metadata, so a row whose metadata are null or no object says nothing of who rejected.
    """
    if status not in _DECIDED:
        return False
    word = (text(mapping(row.get("decision")).get("status")) or "").strip().lower().replace("_", " ")
    if word == _IN_REVIEW:
        return True
    if status is Status.APPROVED:
        return word == _DECLINED
    return word == _APPROVED and not is_explained and isinstance(row.get("metadata", {}), dict)


def _double_check(row: dict[str, object]) -> DoubleCheck | None:
    metadata = mapping(row.get("metadata"))
    if _is_result(mapping(mapping(metadata.get("responseDoubleChecks")).get("renaper"))):
        return DoubleCheck.ANSWERED
    asked = flag(mapping(metadata.get("doubleChecks")).get("renaper"))
    if asked is None:
        return None
    return DoubleCheck.UNANSWERED if asked else DoubleCheck.NOT_ASKED


def _omits_double_check(row: dict[str, object]) -> bool:
    """The row shows metadata, and neither the double check nor an answer in them."""
    metadata = row.get("metadata")
    if not isinstance(metadata, dict):
        return False
    parts = (metadata.get("doubleChecks", {}), metadata.get("responseDoubleChecks", {}))
    return all(part is None or (isinstance(part, dict) and part.get("renaper") is None) for part in parts)


def _is_result(answer: dict[str, object]) -> bool:
    return bool(
        text(answer.get("errorCode")) or flag(answer.get("verified")) is not None or text(answer.get("matchResult"))
    )


def _document_number(row: dict[str, object]) -> str | None:
    extracted = mapping(row.get("extractedData"))
    read = mapping(mapping(row.get("decision")).get("id_verification"))
    kinds = (extracted.get("documentType"), read.get("document_type"))
    if any(_is_other_document(kind) for kind in kinds):
        return None
    return letters_and_digits(extracted.get("documentNumber")) or letters_and_digits(read.get("document_number"))


def _name(row: dict[str, object]) -> Name | None:
    """Of the first block that has one; on a passport it is the same as on an identity card."""
    extracted, decision = mapping(row.get("extractedData")), mapping(row.get("decision"))
    read, older = mapping(decision.get("id_verification")), mapping(decision.get("extracted_information"))
    found = (
        name_of(text(extracted.get("firstName")), text(extracted.get("lastName"))),
        name_of(text(read.get("first_name")), text(read.get("last_name"))),
        name_of(text(read.get("full_name")), None),
        name_of(text(older.get("firstName")), text(older.get("lastName"))),
    )
    return next(filter(None, found), None)


def _is_other_document(kind: object) -> bool:
    word = (text(kind) or "").strip().lower()
    return word in _OTHER_DOCUMENT_CODES or any(part in word for part in _OTHER_DOCUMENT_WORDS)
