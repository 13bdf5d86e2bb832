"""What can go wrong, as one tree.

PortalError
├── UnknownOnboarding     no such onboarding, or its data was erased
├── RetryRefused          the onboarding may not open another validation
├── CorrectionRefused     the document number may not be given once more
├── LostClaim             another worker took over the lease
├── KeyReused             an Idempotency-Key was used before for another request
├── AnotherApplicant      the customer's open onboarding has another document number
│   └── ApplicantLocked   so many others were given that none is compared any more
├── CuilNeeded            two people have the document number, and gu1 knows the other one
├── OnboardingOver        nothing can be done with the onboarding any more
├── UnknownEvent          the onboarding has no such notification
├── ReservedExternalId    the external id begins with another partner's prefix
├── AmbiguousName         several onboardings answer to it
├── LimitReached          too many verifications were started
├── ActionRefused         an operator's action makes no sense for this onboarding
├── StoreUnavailable      the database could not read or write
└── Gu1Error
    ├── NotSent           nothing reached gu1: safe to retry
    ├── Unavailable       gu1 is busy or failing and did nothing: retry later
    ├── Refused           gu1 said no, with an error code
    └── OutcomeUnknown    gu1 may have done it: reconcile before a retry
        └── Malformed     gu1 answered, but the answer cannot be read
"""

from __future__ import annotations

from datetime import datetime

from portal.domain.start_limits import StartCounter


class PortalError(Exception):
    pass


class UnknownOnboarding(PortalError):
    pass


class RetryRefused(PortalError):
    pass


class CorrectionRefused(PortalError):
    pass


class LostClaim(PortalError):
    pass


class KeyReused(PortalError):
    pass


class AnotherApplicant(PortalError):
    def __init__(self, onboarding_id: str) -> None:
        super().__init__(onboarding_id)
        self.onboarding_id = onboarding_id


class ApplicantLocked(AnotherApplicant):
    pass


class CuilNeeded(PortalError):
    pass


class OnboardingOver(PortalError):
    pass


class UnknownEvent(PortalError):
    pass


class ReservedExternalId(PortalError):
    pass


class AmbiguousName(PortalError):
    def __init__(self, onboarding_ids: list[str]) -> None:
        super().__init__(f"{len(onboarding_ids)} onboardings")
        self.onboarding_ids = onboarding_ids


class LimitReached(PortalError):
    def __init__(self, counter: StartCounter, used: int, ends_at: datetime) -> None:
        """`used`: with the start that was refused; `ends_at`: when the count begins anew."""
        super().__init__(f"{used} starts of {counter.limit}")
        self.counter = counter
        self.used = used
        self.ends_at = ends_at


class ActionRefused(PortalError):
    """The message says why."""


class StoreUnavailable(PortalError):
    pass


class WouldBlock(PortalError):
    """The answer may take longer than a thread can wait that serves everybody."""


class Gu1Error(PortalError):
    pass


class NotSent(Gu1Error):
    pass


class Unavailable(Gu1Error):
    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """`retry_after` in seconds, if gu1 sent one."""
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Gu1Error):
    def __init__(
        self, http_status: int, code: str | None, *, entity_id: str | None = None, about_details: bool = False
    ) -> None:
        """`entity_id`: the existing entity, if gu1 refused a duplicate.

        `about_details`: the applicant's details are at fault, not our key or configuration.
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
