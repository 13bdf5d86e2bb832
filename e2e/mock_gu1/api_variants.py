"""The variants of gu1's API: one table of what its documentation leaves open or contradicts.

Each row is a switch with its allowed words; the first is the default. Command line, `POST /_mock/world`,
the control page, the help and the manual all read this table; the numbers are rows of the contract's section 12,
a `?` before one is an item of section 13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from threading import Lock
from typing import Any

Word = str | int


class UnknownWord(ValueError):
    """The message lists the allowed words."""


def _words(*words: str, what: str) -> Any:
    return field(default=words[0], metadata={"words": words, "what": what})


def _number(default: int, *, what: str) -> Any:
    return field(default=default, metadata={"words": (), "what": what})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVariant:
    duplicates: str = _words("refuse", "allow", what="a taxId that is there already: 409, or a second entity (1)")
    duplicate_shape: str = _words("nested", "flat", "without_id", what="body of that 409 (5, ?1)")
    duplicate_scope: str = _words(
        "digits",
        "country",
        what="a taxId is there already if its letters and digits are, in any country or its own",
    )
    entity_status: str = _words("201", "200", what="HTTP status of a created entity (?1)")
    entity_envelope: str = _words("entity", "data", "bare", what="around a created entity (2)")
    entity_read_envelope: str = _words("bare", "entity", "data", what="around an entity that is read")
    entities_list: str = _words("entities", "data", "bare", what="around a list of entities (3)")
    entities_path: str = _words("both", "api", "root", what="/api/entities, /entities or either (4)")
    seven_digit_dni: str = _words("accept", "refuse", "pad", what="an Argentine DNI of seven digits (?9)")
    number_change: str = _words(
        "allowed", "refused", "ignored", what="another taxId in a PATCH of an entity; ignored answers well all the same"
    )
    session_key: str = _words(
        "by_call",
        "sessionId",
        "validationSessionId",
        "both",
        what="name of the session: by_call is sessionId when created, validationSessionId when read (6)",
    )
    expires_at: str = _words(
        "given",
        "everywhere",
        "null",
        "missing",
        what="expiresAt of a validation: given by reads, by the create answer too, null, or left out (8, 9)",
    )
    link_life: str = _words("7_days", "30_days", what="until a session expires (8)")
    metadata_echo: str = _words("yes", "no", what="whether a validation shows the metadata sent with it (18, ?4)")
    create_keys: str = _words(
        "any", "newest", what="newest refuses metadata, webhookUrl and workflowId with 400 (18, ?4)"
    )
    list_rows: str = _words("full", "abbreviated", what="rows of lists of validations; abbreviated as in the example")
    automatic_session: str = _words("null", "missing", "dummy", what="providerSessionUrl without a hosted page (?2)")
    warnings_form: str = _words("strings", "objects", what="warnings of validation and metadata (25)")
    warnings_place: str = _words(
        "documented",
        "top",
        "metadata",
        "decision",
        what="where codes stand: documented is the provider's on top and in decision, RENAPER's in metadata (25, ?6)",
    )
    decision: str = _words("newest", "legacy", "none", what="generation of decision (22)")
    manual_decision: str = _words(
        "updated", "left", what="decision after approve or reject by hand; left: it still says In Review (14)"
    )
    features: str = _words("upper", "lower", what="letters of decision.features (23)")
    media: str = _words("keys", "links", what="images in decision as storage keys or https links (24)")
    error_shape: str = _words("flat", "nested", what="every error but the duplicate's (5)")
    renaper: str = _words(
        "one_step",
        "two_steps",
        "silent",
        what="two_steps approves before the registry has answered (26, ?6); silent: it is asked and never answers",
    )
    renaper_credentials: str = _words("present", "refuse", "skip", what="double check asked without credentials")
    is_current: str = _words("newest", "newest_approved", what="which validation is the current one (19)")
    second_validation: str = _words(
        "moves_current", "cancels_first", what="what a new one does to the entity's open validations (?7)"
    )
    cancel_in_review: str = _words("allowed", "refused", what="cancelling a validation in review (20)")
    cancel_abandoned: str = _words("refused", "allowed", what="cancelling an abandoned validation")
    provider_events: str = _words(
        "prompt", "on_sync", what="on_sync: gu1 misses the provider's news until somebody asks it to sync"
    )
    read_syncs: str = _words(
        "after_hours", "never", what="whether reading a validation syncs it if nothing has changed for hours"
    )
    status_expires_at: str = _words("given", "missing", what="expiresAt in an entity's status answer (32)")
    webhook_envelope: str = _words("v2b", "v2a", "v1", what="generation of the webhooks (13, 14, 15)")
    webhook_events: str = _words("eight", "six", what="six leaves out in_review and cancelled (16)")
    signature: str = _words("hex", "upper", "prefixed", "base64", what="form of X-Webhook-Signature (?3)")
    numbers: str = _words("plain", "as_strings", what="as_strings writes every number as a string")
    strings: str = _words(
        "plain", "as_numbers", what="as_numbers writes strings of digits as numbers; ids stay strings"
    )
    extra_keys: str = _words("off", "on", what="keys that no page names, in every object that gu1 makes")
    organization_header: str = _words("optional", "required", what="X-Organization-ID (12)")
    key: str = _words("valid", "revoked_401", "forbidden_403", what="what becomes of a good API key")
    integration: str = _words("configured", "missing", what="missing refuses with KYC_NOT_CONFIGURED")
    credit: str = _words("available", "exhausted_402", "exhausted_400", what="what a new validation meets (?1)")
    hourly_limit: int = _number(0, what="API requests in an hour before 429, as gu1's sandbox has with 100; 0 is none")
    retry_after: str = _words("seconds", "date", "missing", "absurd", what="Retry-After of that 429 (?1)")


Switch = Field[Word]
SWITCHES: tuple[Switch, ...] = fields(ApiVariant)
_BY_NAME = {switch.name: switch for switch in SWITCHES}


def words_of(switch: Switch) -> tuple[str, ...]:
    """Empty if the switch takes any whole number from 0 up."""
    return tuple(switch.metadata["words"])


def changed(variant: ApiVariant, changes: Mapping[str, object]) -> ApiVariant:
    """Raises `UnknownWord` without changing anything."""
    checked: dict[str, Any] = {name: _checked(name, value) for name, value in changes.items()}
    return replace(variant, **checked)


def _checked(name: str, value: object) -> Word:
    switch = _BY_NAME.get(name)
    if switch is None:
        raise UnknownWord(f"there is no switch {name!r}; there are {', '.join(_BY_NAME)}")
    words = words_of(switch)
    if not words and re.fullmatch("[0-9]{1,9}", str(value)):
        return int(str(value))
    if value not in words:
        raise UnknownWord(f"{name} is one of {', '.join(words)}" if words else f"{name} is a whole number from 0 up")
    return str(value)


class CurrentVariant:
    """The current variant, which may be replaced at any time."""

    def __init__(self, first: ApiVariant) -> None:
        self._lock = Lock()
        self._first = self.now = first

    def change(self, changes: Mapping[str, object]) -> None:
        with self._lock:
            self.now = changed(self.now, changes)

    def reset(self) -> None:
        self.now = self._first

    def described(self) -> dict[str, dict[str, Any]]:
        values = asdict(self.now)
        return {
            switch.name: {
                "value": values[switch.name],
                "default": switch.default,
                "words": list(words_of(switch)) or "a whole number from 0 up",
                "what": switch.metadata["what"],
            }
            for switch in SWITCHES
        }


def table() -> str:
    """For the help: one line per switch."""
    rows = [(switch.name, "|".join(words_of(switch)) or f"N ({switch.default})", switch) for switch in SWITCHES]
    return "\n".join(f"  {name}: {words}\n      {switch.metadata['what']}" for name, words, switch in rows)
