"""The calls that are made to gu1, and what the failure of each one means."""

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

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def failed(self, why: str, *, retry_after: float | None = None) -> Gu1Error:
        """A failure after which a read has done nothing and a write may have been done."""
        message = f"{self.name}: {why}"
        return OutcomeUnknown(message) if self.writes else Unavailable(message, retry_after=retry_after)


CREATE_ENTITY = Operation("create_entity", "POST")
FIND_ENTITY = Operation("find_entity", "GET")
CREATE_VALIDATION = Operation("create_validation", "POST")
READ_VALIDATION = Operation("read_validation", "GET")
LIST_VALIDATIONS = Operation("list_validations", "GET")
CANCEL_VALIDATION = Operation("cancel_validation", "DELETE")


def outcome_of(error: Gu1Error) -> str:
    return _OUTCOMES[type(error)]
