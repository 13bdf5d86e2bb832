"""The portal's calls to gu1, and what a failure of each means."""

from __future__ import annotations

from dataclasses import dataclass

from portal.domain.errors import Gu1Error, Malformed, NotSent, OutcomeUnknown, Refused, Unavailable

_OUTCOMES: dict[type[Gu1Error], str] = {
    NotSent: "not_sent",
    Unavailable: "unavailable",
    Refused: "refused",
    OutcomeUnknown: "unknown",
    Malformed: "malformed",
}


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    repeatable: bool = False
    """Whether repeating it is free and harmless; true of every read."""

    def failed(self, why: str, *, retry_after: float | None = None) -> Gu1Error:
        """The error if nobody knows whether gu1 did it: for a repeatable call that does not matter."""
        message = f"{self.name}: {why}"
        return Unavailable(message, retry_after=retry_after) if self.repeatable else OutcomeUnknown(message)


CREATE_ENTITY = Operation("create_entity", "POST")
FIND_ENTITY = Operation("find_entity", "GET", repeatable=True)
FIND_ENTITY_BY_TAX_ID = Operation("find_entity_by_tax_id", "GET", repeatable=True)
READ_ENTITY = Operation("read_entity", "GET", repeatable=True)
CHANGE_TAX_ID = Operation("change_tax_id", "PATCH", repeatable=True)
"""Sent twice, it sets the same number twice: nobody pays, and nobody is harmed."""
READ_ENTITY_STATUS = Operation("read_entity_status", "GET", repeatable=True)
CREATE_VALIDATION = Operation("create_validation", "POST")
READ_VALIDATION = Operation("read_validation", "GET", repeatable=True)
LIST_VALIDATIONS = Operation("list_validations", "GET", repeatable=True)
SYNC_VALIDATION = Operation("sync_validation", "POST", repeatable=True)
CANCEL_VALIDATION = Operation("cancel_validation", "DELETE")
PROBE = Operation("probe", "GET", repeatable=True)
"""Any path, for `portal check`."""

OK = "ok"
PARTLY_MALFORMED = "partly_malformed"
"""A list with rows that the portal cannot read."""


def outcome_of(error: Gu1Error) -> str:
    return _OUTCOMES[type(error)]
