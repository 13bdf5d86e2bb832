"""What can go wrong, as one tree.

PortalError
├── UnknownOnboarding     no such onboarding, or its data are gone
├── RetryRefused          the onboarding may not open another validation
├── LostClaim             another worker took the onboarding over meanwhile
├── KeyReused             a partner's key came with another request before
├── StoreUnavailable      the database could not keep or read something
└── Gu1Error
    ├── NotSent           nothing reached gu1: safe to try again
    ├── Unavailable       gu1 is busy or failing and did nothing: try again later
    ├── Refused           gu1 said no, with a code of its own
    └── OutcomeUnknown    gu1 may or may not have done it: look before trying again
        └── Malformed     an answer that cannot be read
"""

from __future__ import annotations


class PortalError(Exception):
    pass


class UnknownOnboarding(PortalError):
    pass


class RetryRefused(PortalError):
    pass


class LostClaim(PortalError):
    pass


class KeyReused(PortalError):
    """An Idempotency-Key that came with another request before."""


class AnotherApplicant(PortalError):
    """The customer's open onboarding is about another document number."""


class StoreUnavailable(PortalError):
    pass


class Gu1Error(PortalError):
    pass


class NotSent(Gu1Error):
    pass


class Unavailable(Gu1Error):
    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """`retry_after` in seconds, where gu1 said so."""
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Gu1Error):
    def __init__(
        self, http_status: int, code: str | None, *, entity_id: str | None = None, about_details: bool = False
    ) -> None:
        """`entity_id` is the existing entity that a duplicate was refused for.

        `about_details`: what the applicant typed is at fault, not our key or configuration.
        """
        super().__init__(f"gu1 refused with HTTP {http_status} {code or 'without a code'}")
        self.http_status = http_status
        self.code = code
        self.entity_id = entity_id
        self.about_details = about_details


class OutcomeUnknown(Gu1Error):
    pass


class Malformed(OutcomeUnknown):
    pass
