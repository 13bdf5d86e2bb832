"""Onboardings to rows and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import Label, RowMapping, Select, and_, select

from portal.domain.correction import Correction
from portal.domain.onboarding import Consent, ConsentText, Details, EntityConflict, Onboarding, StallReason
from portal.domain.reasons import Reason
from portal.domain.sealed import SealedDetails, SealedText
from portal.domain.status import Status
from portal.domain.validation import (
    CreationState,
    Decider,
    DoubleCheck,
    IdentityBasis,
    IdentityMatch,
    OperatorDecision,
    Validation,
)
from portal.services.request_ids import current_request_id
from portal.store.encryption import ColumnCipher, UndecryptableValue
from portal.store.row_reader import RowReader, UnreadableRow
from portal.store.tables import onboardings, validations

_PREFIX = "validation_"
_ENUMS: dict[str, type[StrEnum]] = {
    "creation_state": CreationState,
    "status": Status,
    "double_check": DoubleCheck,
    "reason": Reason,
    "identity_match": IdentityMatch,
    "identity_basis": IdentityBasis,
    "operator_decision": OperatorDecision,
    "decided_by": Decider,
    "stall_reason": StallReason,
    "correction": Correction,
    "entity_conflict": EntityConflict,
}
NULL_BY_NAME = ("reminder_due_at",)
"""Columns that PostgreSQL fills in if they are not named: a release that did not know them wrote to the table too."""
_DERIVED_FROM = ("consent", "validation", "earlier_attempts", "metadata")
_ONBOARDING_FIELDS = [f.name for f in fields(Onboarding) if f.name not in {"details", *_DERIVED_FROM}]
_VALIDATION_FIELDS = [f.name for f in fields(Validation) if f.name != "session_url"]
_DETAILS_FIELDS = [f.name for f in fields(Details)]
_ONBOARDING_READER = RowReader(onboardings, _ONBOARDING_FIELDS)
_VALIDATION_READER = RowReader(validations, _VALIDATION_FIELDS, prefix=_PREFIX)
_COMPARED = [name for name in _ONBOARDING_FIELDS if name != "request_id"]
_compared, _sources = attrgetter(*_COMPARED), attrgetter(*_DERIVED_FROM)
_of_validation = attrgetter(*_VALIDATION_FIELDS)


def joined() -> Select[Any]:
    """Every onboarding with its current validation, one row each."""
    current = and_(
        validations.c.onboarding_id == onboardings.c.id,
        validations.c.number == onboardings.c.current_validation,
    )
    return select(onboardings, *_attempt_columns()).select_from(onboardings.outerjoin(validations, current))


def attempts() -> Select[Any]:
    """Validations alone."""
    return select(*_attempt_columns()).select_from(validations)


def _attempt_columns() -> list[Label[Any]]:
    return [column.label(_PREFIX + column.key) for column in validations.c]


def onboarding_values(onboarding: Onboarding, cipher: ColumnCipher) -> dict[str, Any]:
    """Of all columns that have to be named: psycopg parses a statement of more than fifty parameters anew each time."""
    details = onboarding.details
    return _named(
        {name: _plain(getattr(onboarding, name)) for name in _ONBOARDING_FIELDS}
        | {
            **_derived(onboarding),
            "request_id": current_request_id() or onboarding.request_id,
            "details_encrypted": _sealed(details, cipher) if details else None,
        }
    )


def onboarding_changes(stored: Onboarding, changed: Onboarding, cipher: ColumnCipher) -> dict[str, Any]:
    """Only of the columns that differ: of sixty a change is of a few, and PostgreSQL parses each that is written.

    What is sealed is compared before: sealed anew it would be another value, and PostgreSQL would enter the row into
    every index.
    """
    values = _changes(_COMPARED, _compared(stored), _compared(changed))
    if any(new is not old for new, old in zip(_sources(changed), _sources(stored), strict=True)):
        before = _derived(stored)
        values |= {name: value for name, value in _derived(changed).items() if value != before[name]}
    request_id = current_request_id() or changed.request_id
    if request_id != stored.request_id:
        values["request_id"] = request_id
    if changed.details is not stored.details:
        values["details_encrypted"] = _sealed(changed.details, cipher) if changed.details else None
    return values


def validation_values(validation: Validation, onboarding_id: str, cipher: ColumnCipher) -> dict[str, Any]:
    """Like `onboarding_values`."""
    url = validation.session_url
    return _named(
        {name: _plain(getattr(validation, name)) for name in _VALIDATION_FIELDS}
        | {
            "onboarding_id": onboarding_id,
            "session_url_encrypted": cipher.encrypt(url) if url is not None else None,
        }
    )


def validation_changes(stored: Validation, changed: Validation, cipher: ColumnCipher) -> dict[str, Any]:
    """Like `onboarding_changes`, of the same attempt."""
    values = _changes(_VALIDATION_FIELDS, _of_validation(stored), _of_validation(changed))
    url = changed.session_url
    if url != stored.session_url:
        values["session_url_encrypted"] = cipher.encrypt(url) if url is not None else None
    return values


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None or name in NULL_BY_NAME}


def _changes(names: Sequence[str], stored: Sequence[Any], changed: Sequence[Any]) -> dict[str, Any]:
    # Most are the same object still, and that is seen sooner than that they are equal.
    compared = zip(names, stored, changed, strict=True)
    return {name: _plain(new) for name, old, new in compared if new is not old and new != old}


def _derived(onboarding: Onboarding) -> dict[str, Any]:
    """Of the columns that are made from `_sources`."""
    consent, validation = onboarding.consent, onboarding.validation
    return {
        "consent_version": consent.text.version if consent else None,
        "consent_given_at": consent.given_at if consent else None,
        "consent_language": consent.text.language if consent else None,
        "consent_digest": consent.text.digest if consent else None,
        "earlier_attempts": _times(onboarding.earlier_attempts),
        "metadata": None if onboarding.metadata is None else json.dumps(dict(onboarding.metadata)),
        "current_validation": validation.number if validation else None,
    }


def read_onboarding(row: RowMapping, cipher: ColumnCipher) -> Onboarding:
    """From a row of `joined()`. Raises `UnreadableRow`."""
    try:
        return _onboarding(row, cipher)
    except (ValueError, TypeError) as error:
        raise UnreadableRow(f"onboarding {row['id']} cannot be read back: {type(error).__name__}") from None


def read_attempt(row: RowMapping, cipher: ColumnCipher) -> Validation:
    """From a row of `attempts()`. Raises `UnreadableRow`."""
    try:
        return _validation(row, cipher)
    except (ValueError, TypeError) as error:
        owner = row[_PREFIX + "onboarding_id"]
        raise UnreadableRow(f"an attempt of onboarding {owner} cannot be read back: {type(error).__name__}") from None


def _onboarding(row: RowMapping, cipher: ColumnCipher) -> Onboarding:
    encrypted, consent = row["details_encrypted"], row["consent_version"]
    return Onboarding(
        **_with_enums(_ONBOARDING_READER.read(row)),
        details=_details(encrypted, cipher) if encrypted is not None else None,
        consent=_consent(row) if consent is not None else None,
        earlier_attempts=_read_times(row["earlier_attempts"]),
        metadata=_read_metadata(row["metadata"]),
        validation=_validation(row, cipher) if row["current_validation"] is not None else None,
    )


def _consent(row: RowMapping) -> Consent:
    text = ConsentText(row["consent_version"], row["consent_language"], row["consent_digest"])
    return Consent(text, row["consent_given_at"])


def _validation(row: RowMapping, cipher: ColumnCipher) -> Validation:
    if row[_PREFIX + "number"] is None:
        raise ValueError("the current validation is missing")
    encrypted = row[_PREFIX + "session_url_encrypted"]
    return Validation(
        **_with_enums(_VALIDATION_READER.read(row)),
        session_url=_text(encrypted, cipher) if encrypted is not None else None,
    )


def _sealed(details: Details, cipher: ColumnCipher) -> bytes:
    if isinstance(details, SealedDetails):
        return details.encrypted
    return cipher.encrypt(json.dumps({name: getattr(details, name) for name in _DETAILS_FIELDS}))


def _details(encrypted: bytes, cipher: ColumnCipher) -> Details:
    try:
        return Details(**json.loads(cipher.decrypt(encrypted)))
    except UndecryptableValue:
        return SealedDetails(encrypted)


def _text(encrypted: bytes, cipher: ColumnCipher) -> str:
    try:
        return cipher.decrypt(encrypted)
    except UndecryptableValue:
        return SealedText(encrypted)


def _times(times: tuple[datetime, ...] | None) -> str | None:
    return None if times is None else json.dumps([time.isoformat() for time in times])


def _read_times(stored: object) -> tuple[datetime, ...] | None:
    """Raises `ValueError` and `TypeError`."""
    if stored is None:
        return None
    times = tuple(datetime.fromisoformat(time) for time in json.loads(str(stored)))
    if any(time.tzinfo is None for time in times):
        raise ValueError("a time without a time zone")
    return times


def _read_metadata(stored: object) -> dict[str, str] | None:
    """Raises `ValueError` and `TypeError`."""
    if stored is None:
        return None
    metadata = json.loads(str(stored))
    return {str(key): str(value) for key, value in dict(metadata).items()}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def _with_enums(values: dict[str, Any]) -> dict[str, Any]:
    """Raises `ValueError` for a word that is not a member."""
    for name in _ENUMS.keys() & values.keys():
        if values[name] is not None:
            values[name] = _ENUMS[name](values[name])
    return values
