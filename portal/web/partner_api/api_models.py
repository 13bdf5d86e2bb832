"""The partner API's requests and answers; the same models validate them and describe them in OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Self

from flask_babel import force_locale
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from portal.domain.capture_modes import Capture
from portal.domain.locales import Locale
from portal.domain.onboarding import LIFETIME, Details
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.services.partner_onboardings import ListRequest
from portal.services.summary import Summary
from portal.web.countries import ISSUERS
from portal.web.document_numbers import DocumentNumberError, normalise
from portal.web.name_and_email import NameOrEmailError, plain_email, plain_name
from portal.web.partner_api.cursors import read_cursor
from portal.web.partner_api.field_errors import OURS
from portal.web.partner_api.personal_text import looks_personal
from portal.web.problem_details import KINDS
from portal.web.typed_text import LONGEST_TYPED

SUMMARY = TypeAdapter(Summary)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _external_id(value: str) -> str:
    if not value.isprintable() or value != value.strip() or value in {".", ".."}:
        raise _refusal("Use printable characters, not dots alone, with no space before or after them")
    return value


def _country(value: str) -> str:
    if value not in ISSUERS:
        raise _refusal("No country has this ISO 3166-1 alpha-2 code")
    return value


def _as_the_form_has_it(rule: Callable[[str], str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        try:
            return rule(value)
        except (DocumentNumberError, NameOrEmailError) as error:
            with force_locale("en"):  # for the partner's developer, not the customer
                raise _refusal(str(error.message)) from None

    return check


def _refusal(text: str) -> PydanticCustomError:
    return PydanticCustomError(OURS, "{text}", {"text": text})


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_TYPED), AfterValidator(_as_the_form_has_it(plain_name))]
LastName = Annotated[
    str, Field(max_length=LONGEST_TYPED), AfterValidator(_as_the_form_has_it(lambda typed: typed and plain_name(typed)))
]
Email = Annotated[str, Field(max_length=LONGEST_TYPED), AfterValidator(_as_the_form_has_it(plain_email))]


def check_return_url(value: str | None, info: ValidationInfo) -> str | None:
    """`context`: the partner's `return_url`. The URL stays as it was sent, so that a repeat is the same request."""
    if value is not None and info.context:
        try:
            info.context(value)
        except ValueError as error:
            reason = str(error)
            raise _refusal(reason[0].upper() + reason[1:]) from None
    return value


def _time(value: str) -> str:
    """Numbers would be taken for seconds or milliseconds since 1970."""
    if not _RFC_3339.fullmatch(value):
        raise _refusal("Must be a time with its zone, like 2026-03-02T12:00:00Z")
    return value


def _cursor(value: str) -> str:
    try:
        read_cursor(value)
    except ValueError as error:
        raise _refusal(f"I{str(error)[1:]}") from None
    return value


_METADATA = (
    "Your own notes, up to 20 keys of 40 characters and texts of 500. They come back with the onboarding, are erased "
    "with it, and never go to gu1. Nothing about the person: what looks like an e-mail address or a document number "
    "is refused"
)
MetadataKey = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
MetadataText = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Purpose = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9-]*$")]
Metadata = Annotated[dict[MetadataKey, MetadataText], Field(max_length=20)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Applicant(_Strict):
    """The customer, who then only has to agree. It is kept encrypted, and only until gu1 has it."""

    country: Annotated[str, AfterValidator(_country)] = Field(
        pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2, of the country that issued the document", examples=["AR"]
    )
    document_number: str = Field(
        min_length=1,
        max_length=LONGEST_TYPED,
        repr=False,
        description="AR: DNI or CUIL, BR: CPF, MX: RFC, CL: RUT, CO and UY: cédula, PE: DNI, others: as it is printed. "
        "Dots, dashes and spaces are fine; check digits are checked.",
        examples=["30.123.456"],
    )
    first_name: Name = Field(repr=False, examples=["María José"])
    last_name: LastName = Field(repr=False, examples=["O'Higgins"], description="Empty for a person with only one name")
    email: Email | None = Field(None, repr=False, examples=["maria@example.com"])

    @field_validator("document_number")
    @classmethod
    def _of_its_country(cls, value: str, info: ValidationInfo) -> str:
        country = info.data.get("country")
        return _as_the_form_has_it(lambda typed: normalise(country, typed))(value) if country else value

    @property
    def details(self) -> Details:
        return Details(**dict(self))


class OnboardingRequest(_Strict):
    external_id: Annotated[str, AfterValidator(_external_id)] = Field(
        min_length=1,
        max_length=128,
        description="Your own name for the customer, the same each time; printable, without a space before or after it",
        examples=["customer-7"],
    )
    purpose: Purpose | None = Field(
        None,
        description="What the customer is verified for, if you tell several apart: a customer has one open onboarding "
        "for each, and an approval for one does not count for another",
        examples=["credit"],
    )
    return_url: str | None = Field(
        None,
        max_length=2048,
        description="Where the customer comes back to: one of your registered return URLs, with any query you like "
        "that has no parameter of the result and no #fragment",
        examples=["https://shop.example/done"],
    )
    state: str | None = Field(
        None,
        max_length=512,
        repr=False,
        pattern=r"^[^\x00]*$",
        description="Your own; it comes back unchanged with the customer",
    )
    locale: Locale | None = Field(None, description="Of the pages; without it yours in the registry, else the portal's")
    capture: Capture | None = Field(None, description="How the capture page opens; without it as the registry says")
    metadata: Metadata | None = Field(None, repr=False, description=_METADATA)
    applicant: Applicant | None = None
    reverify: bool = Field(
        False, description="Asks the customer to verify again, even if gu1 has an approval that is still valid"
    )

    _registered = field_validator("return_url")(check_return_url)

    @model_validator(mode="after")
    def _without_personal_data(self) -> Self:
        details = self.applicant.details if self.applicant else None
        refuse_personal_texts(self.state, self.metadata, details, purpose=self.purpose)
        return self


def refuse_personal_texts(
    state: str | None, metadata: Mapping[str, str] | None, details: Details | None, *, purpose: str | None = None
) -> None:
    """Raises `PydanticCustomError`, which names the field."""
    for field, texts in (
        ("purpose", [purpose or ""]),
        ("state", [state or ""]),
        ("metadata", [it for pair in (metadata or {}).items() for it in pair]),
    ):
        if looks_personal(texts, details):
            text = "Looks like an e-mail address or document number; use `applicant` for those"
            raise PydanticCustomError(OURS, "{text}", {"text": text, "field": field})


class ChangeRequest(_Strict):
    """What is absent stays as it is."""

    locale: Locale = Field(Locale.EN, description="Of the pages")
    return_url: str | None = Field(None, max_length=2048, description="Like the first one; null: none any more")
    state: str | None = Field(
        None, max_length=512, repr=False, pattern=r"^[^\x00]*$", description="null: none any more"
    )
    metadata: Metadata | None = Field(None, repr=False, description="Takes the place of all the earlier ones")

    _registered = field_validator("return_url")(check_return_url)

    @model_validator(mode="after")
    def _without_personal_data(self) -> Self:
        refuse_personal_texts(self.state, self.metadata, None)
        return self


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


class ListQuery(BaseModel):
    """Of a URL, so that everything is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    external_id: Annotated[str, AfterValidator(_external_id)] | None = Field(None, min_length=1, max_length=128)
    purpose: Purpose | None = None
    status: Status | None = None
    stage: Stage | None = None
    created_after: Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_in_utc)] | None = None
    limit: int = Field(20, ge=1, le=100)
    after: Annotated[str, AfterValidator(_cursor)] | None = Field(None, max_length=200)

    @property
    def wanted(self) -> ListRequest:
        after = read_cursor(self.after) if self.after else None
        return ListRequest(**{**dict(self), "after": after})


class OnboardingList(_Strict):
    """The newest first."""

    onboardings: list[Summary]
    next: str | None = Field(description="For `after`, to get the next page; null after the last one")


class Started(_Strict):
    """An onboarding and the customer's only key to it."""

    id: str
    url: str = Field(
        description="The access link for the customer: lead them there, or show it in a frame. It is a secret."
    )
    status: Status
    stage: Stage
    expires_at: datetime = Field(description="When the access link opens nothing any more")


class NoFields(_Strict):
    """An empty object, or no body at all."""


class LinkRequest(_Strict):
    ttl_seconds: int | None = Field(
        None,
        ge=60,
        le=int(LIFETIME.total_seconds()),
        description="How long the new link works; without it, and at most, as long as the onboarding lasts",
    )


class Link(_Strict):
    """The onboarding's new access link. The one before it is dead."""

    id: str
    url: str = Field(description="For the customer, and nobody else: it is a secret")
    expires_at: datetime


class Change(_Strict):
    """One change of an onboarding's status or stage."""

    at: datetime
    by: str = Field(
        description="`applicant`, `partner`, `gu1`, `person` (a reviewer at gu1), `rule` (the portal by itself) or "
        "`operator` (somebody who runs the portal)",
        examples=["gu1"],
    )
    action: str = Field(examples=["reported"])
    attempt: int = Field(description="The validation that was current after it; 0 before the first one")
    old_status: str | None = Field(description="Like `old_stage`, null in the first change", examples=["pending"])
    old_stage: str | None = Field(examples=["waiting"])
    new_status: str = Field(examples=["rejected"])
    new_stage: str = Field(examples=["rejected"])
    reason: str | None = Field(examples=["face_mismatch"])


class Notification(_Strict):
    """An event that is or was sent to your backend."""

    id: str = Field(description="The `webhook-id`", examples=["evt_6kzq0qQk0mX2m8m1o9nqRw"])
    type: str = Field(examples=["onboarding.updated"])
    sequence: int
    created_at: datetime
    attempts: int = Field(description="Tries so far, since it was last sent anew")
    next_try_at: datetime | None = Field(description="null if it was delivered, or after the last try")
    delivered_at: datetime | None
    outcome: str | None = Field(description="Of the last try, in a few words", examples=["HTTP 500"])


class Changes(_Strict):
    """The newest 500 changes and the newest 100 notifications, oldest first."""

    events: list[Change]
    notifications: list[Notification]


class TestedBackend(_Strict):
    """What came of a test."""

    id: str = Field(description="The `webhook-id`; the same for the same Idempotency-Key")
    type: str
    delivered: bool = Field(description="Your backend answered with a 2xx")
    outcome: str = Field(examples=["HTTP 200", "timed out"])


class KeptAtGu1(_Strict):
    entity_id: str | None
    validation_id: str | None


class Receipt(_Strict):
    """The person's data are gone from this portal. What gu1 keeps has to be erased there."""

    id: str
    erased_at: datetime
    kept_at_gu1: KeptAtGu1


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field(
        description="An address of the portal's that explains the `code`",
        examples=["https://verify.example.com/api/v1/problems/not_found"],
    )
    title: str
    status: int
    detail: str = Field(description="For people; its words may change")
    code: str = Field(
        description="For programs; further ones may come. " + "; ".join(f"`{code}`" for code in KINDS),
        examples=["not_found"],
    )


class Conflict(Problem):
    """RFC 9457, with the onboarding that is in the way."""

    id: str = Field(description="The customer's open onboarding")


class ProblemKind(BaseModel):
    """What a `code` means."""

    type: str
    code: str
    status: int
    title: str
    meaning: str


class Fault(BaseModel):
    field: str = Field(examples=["applicant.first_name"], description="`body` where it is about the whole")
    message: str


class Refusal(Problem):
    """RFC 9457, with what is wrong with each field."""

    errors: list[Fault] | None = Field(None, description="Absent where an Idempotency-Key was used for another request")
