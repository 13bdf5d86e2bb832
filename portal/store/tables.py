"""The tables on SQLite and PostgreSQL; `migrations` creates the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from portal.domain.onboarding import StallReason
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck, IdentityMatch
from portal.store.column_types import UtcDateTime, one_of

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_PARTNERS = text("partner IS NOT NULL")
_WAITING = text("due_at IS NOT NULL")
_CALM = text("current_validation IS NOT NULL AND due_at IS NOT NULL AND turn = 0")
_FLOOD = text("turn > 0 AND due_at IS NOT NULL")
_UNSUBMITTED = text("current_validation IS NULL AND due_at IS NOT NULL")
_OVER = text("due_at IS NULL")
_EXTERNAL = text("external_id IS NOT NULL")
_SESSION = text("session_id IS NOT NULL")
_SEALED = text("session_url_sealed IS NOT NULL")
_DELIVERED = text("delivered_at IS NOT NULL AND due_at IS NULL")
_UNDELIVERED = text("delivered_at IS NULL")
_CHECKED = text("verification_check_at IS NOT NULL")
_DUE = text("reverification_due_at IS NOT NULL")
_REMINDED = text("reminder_due_at IS NOT NULL")
_COUNTED = text("person IS NOT NULL")

# Queries repeat these word for word: a partial index serves only what its condition follows from.
PERSONAL = text(
    "(details_sealed IS NOT NULL OR document_digest IS NOT NULL OR name_digests IS NOT NULL OR submission IS NOT NULL)"
)
ERASURE_ASKED = text("erasure_asked_at IS NOT NULL AND erased_at IS NULL")
VERIFIED = text("(verification_check_at IS NOT NULL OR reverification_due_at IS NOT NULL)")
FAILING = text("(failures > 0 OR trouble IS NOT NULL)")
HELD = text(
    "status = 'approved' AND (identity_match = 'mismatch' OR double_check = 'unanswered'"
    " OR (identity_required AND identity_match = 'unknown'))"
)
WAITED = text("waited_seconds IS NOT NULL")
WITHOUT_PAGE = text("status = 'pending' AND sending = 'adopted' AND session_url_sealed IS NULL")

onboardings = Table(
    "onboardings",
    metadata,
    Column("id", String, primary_key=True),
    Column("locale", String, nullable=False),
    Column("partner", String),
    Column("external_id", String),
    Column("purpose", String),
    Column("known_as", String),
    Column("return_url", String),
    Column("state", String),
    Column("metadata", String),
    Column("capture", String),
    Column("given_by_partner", Boolean, nullable=False, server_default=false()),
    Column("country", String),
    Column("submission", String),
    Column("details_sealed", LargeBinary, key="details_encrypted"),
    Column("document_digest", String),
    Column("name_digests", String),
    Column("consent_version", String),
    Column("consent_given_at", UtcDateTime),
    Column("consent_language", String),
    Column("consent_digest", String),
    Column("person", String),
    Column("earlier_attempts", String),
    Column("entity_id", String),
    Column("entity_conflict", String),
    Column("verified_before_at", UtcDateTime),
    Column("reverify", Boolean, nullable=False, server_default=false()),
    Column("verified_until", UtcDateTime),
    Column("verification_check_at", UtcDateTime),
    Column("reverification_due_at", UtcDateTime),
    Column("watched_at", UtcDateTime),
    Column("phone_joined_at", UtcDateTime),
    Column("last_event", Integer, nullable=False, server_default=text("0")),
    Column("entity_is_own", Boolean, nullable=False, server_default=false()),
    Column("lost_entity_id", String),
    Column("correction", String),
    Column("other_numbers", Integer, nullable=False, server_default=text("0")),
    Column("set_aside", Integer, nullable=False, server_default=text("0")),
    Column("current_validation", Integer),
    Column("allowed_attempt", Integer),
    Column("attempts_opened", Integer, nullable=False, server_default=text("0")),
    Column("trouble", String, key="stall_reason"),
    Column("failures", Integer, nullable=False),
    Column("outages", Integer, nullable=False, server_default=text("0")),
    Column("outages_in_row", Integer, nullable=False, server_default=text("0")),
    Column("stopped_at", UtcDateTime),
    Column("stopped_by_operator", Boolean, nullable=False, server_default=false()),
    Column("erasure_asked_at", UtcDateTime),
    Column("erased_at", UtcDateTime),
    Column("turn", Integer, key="earlier_starts", nullable=False, server_default=text("0")),
    Column("due_at", UtcDateTime),
    Column("sweep_at", UtcDateTime),
    Column("recheck_at", UtcDateTime),
    Column("link_generation", Integer, nullable=False, server_default=text("0")),
    Column("link_issued_at", UtcDateTime),
    Column("link_expires_at", UtcDateTime),
    Column("reminder_due_at", UtcDateTime),
    Column("photos_reminded_at", UtcDateTime),
    Column("expiry_reminded_at", UtcDateTime),
    Column("lapsed_at", UtcDateTime),
    Column("request_id", String),
    Column("fence", BigInteger, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "submission", unique=True),
    Index("ix_onboardings_waiting", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_onboardings_calm", "due_at", sqlite_where=_CALM, postgresql_where=_CALM),
    Index("ix_onboardings_flood", "earlier_starts", "due_at", sqlite_where=_FLOOD, postgresql_where=_FLOOD),
    Index("ix_onboardings_over", "created_at", sqlite_where=_OVER, postgresql_where=_OVER),
    Index("ix_onboardings_watched", "watched_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_onboardings_unsubmitted", "watched_at", sqlite_where=_UNSUBMITTED, postgresql_where=_UNSUBMITTED),
    Index("ix_onboardings_personal", "created_at", sqlite_where=PERSONAL, postgresql_where=PERSONAL),
    Index("ix_onboardings_failing", "id", sqlite_where=FAILING, postgresql_where=FAILING),
    Index(None, "reminder_due_at", sqlite_where=_REMINDED, postgresql_where=_REMINDED),
    Index(None, "person", sqlite_where=_COUNTED, postgresql_where=_COUNTED),
    Index(None, "verification_check_at", sqlite_where=_CHECKED, postgresql_where=_CHECKED),
    Index(None, "erasure_asked_at", sqlite_where=ERASURE_ASKED, postgresql_where=ERASURE_ASKED),
    Index(None, "reverification_due_at", sqlite_where=_DUE, postgresql_where=_DUE),
    Index("ix_onboardings_verified", "partner", "external_id", sqlite_where=VERIFIED, postgresql_where=VERIFIED),
    Index(
        "ix_onboardings_of_partner",
        *("partner", "created_at", "id"),
        sqlite_where=_PARTNERS,
        postgresql_where=_PARTNERS,
    ),
    Index(None, "entity_id"),
    Index("ix_onboardings_external_id", "external_id", sqlite_where=_EXTERNAL, postgresql_where=_EXTERNAL),
    one_of("trouble", StallReason),
    CheckConstraint("(consent_version IS NULL) = (consent_given_at IS NULL)", name="consent"),
)

validations = Table(
    "validations",
    metadata,
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("nonce", String, nullable=False),
    Column("sending", String, key="creation_state", nullable=False),
    Column("sends", Integer, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("empty_looks", Integer, nullable=False),
    Column("gu1_id", String),
    Column("status", String, nullable=False),
    Column("session_url_sealed", LargeBinary, key="session_url_encrypted"),
    Column("session_id", String),
    Column("shown_at", UtcDateTime, key="opened_at"),
    Column("returned_at", UtcDateTime),
    Column("double_check", String, nullable=False),
    Column("double_check_taken_up", Boolean, nullable=False, server_default=false()),
    Column("confirming_since", UtcDateTime),
    Column("patience_ended_at", UtcDateTime),
    Column("reason", String),
    Column("identity_match", String, nullable=False),
    Column("identity_basis", String),
    Column("identity_required", Boolean, nullable=False, server_default=false()),
    Column("verified_digest", String),
    Column("operator_decision", String),
    Column("was_in_review", Boolean, nullable=False, server_default=false()),
    Column("was_approved", Boolean, nullable=False, server_default=false()),
    Column("decided_by", String),
    Column("gu1_updated_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("verified_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("refreshes", Integer, nullable=False),
    Column("restart_asked_at", UtcDateTime),
    Column("restart_refused_at", UtcDateTime),
    Index(None, "gu1_id", unique=True),
    Index("ix_validations_session", "session_id", sqlite_where=_SESSION, postgresql_where=_SESSION),
    Index("ix_validations_sealed", "onboarding_id", sqlite_where=_SEALED, postgresql_where=_SEALED),
    Index("ix_validations_held", "onboarding_id", sqlite_where=HELD, postgresql_where=HELD),
    Index("ix_validations_without_page", "onboarding_id", sqlite_where=WITHOUT_PAGE, postgresql_where=WITHOUT_PAGE),
    Index(None, "nonce", unique=True),
    one_of("sending", CreationState),
    one_of("status", Status),
    one_of("double_check", DoubleCheck),
    one_of("reason", Reason),
    one_of("identity_match", IdentityMatch),
    CheckConstraint("number > 0", name="number"),
)

customers = Table(
    "customers",
    metadata,
    Column("partner", String, primary_key=True),
    Column("external_id", String, primary_key=True),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False, index=True),
)
"""The newest onboarding of each customer of a partner, without those that have a purpose."""

customer_purposes = Table(
    "customer_purposes",
    metadata,
    Column("partner", String, primary_key=True),
    Column("external_id", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False, index=True),
)
"""The newest onboarding of each customer of a partner for each purpose."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("partner", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("is_new", Boolean, nullable=False),
    Column("answer", String, key="response", nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

events = Table(
    "events",
    metadata,
    Column("id", String, primary_key=True),
    Column("partner", String, nullable=False),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("payload", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("outcome", String),
    Column("delivered_at", UtcDateTime),
    Column("type", String),
    UniqueConstraint("onboarding_id", "sequence", name="uq_events_sequence"),
    Index("ix_events_waiting", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_events_waiting_of_partner", "partner", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_events_delivered", "delivered_at", sqlite_where=_DELIVERED, postgresql_where=_DELIVERED),
    Index("ix_events_undelivered", "partner", "created_at", sqlite_where=_UNDELIVERED, postgresql_where=_UNDELIVERED),
    Index("ix_events_created_at", "created_at"),
)
"""Notifications for partners' backends."""

mail_addresses = Table(
    "mail_addresses",
    metadata,
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), primary_key=True),
    Column("address_sealed", LargeBinary, key="address_encrypted", nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
"""Where applicants get mails, with their first name; deleted when the onboarding is over."""

mail_stops = Table(
    "mail_stops",
    metadata,
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)
"""Onboardings about which nobody is written to any more, whatever address is given later."""

mails = Table(
    "mails",
    metadata,
    Column("id", String, primary_key=True),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String, nullable=False),
    Column("occasion", String, nullable=False),
    Column("is_last", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("handed_over_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("outcome", String),
    UniqueConstraint("onboarding_id", "kind", "occasion", name="uq_mails_occasion"),
    Index("ix_mails_waiting", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
)
"""Mails for applicants: one for each occasion, however often it is tried."""

history = Table(
    "history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("operator", String),
    Column("action", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("old_status", String),
    Column("old_stage", String),
    Column("new_status", String, nullable=False),
    Column("new_stage", String, nullable=False),
    Column("reason", String),
    Column("note", String),
    Column("waited_seconds", Integer),
    Column("waited_country", String),
    Index("ix_history_waits", "old_stage", "waited_country", "at", sqlite_where=WAITED, postgresql_where=WAITED),
)
"""Only added to. `id` is in the order of the changes of an onboarding, because each was made under its lock."""

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("body_sha256", String, primary_key=True),
    Column("received_at", UtcDateTime, nullable=False, index=True),
)

start_counters = Table(
    "start_counters",
    metadata,
    Column("key", String, primary_key=True),
    Column("used", Integer, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
)
"""Starts of verifications by where they come from, and what limits them."""

phone_codes = Table(
    "phone_codes",
    metadata,
    Column("digest", String, primary_key=True),
    Column("onboarding_id", ForeignKey("onboardings.id", ondelete="CASCADE"), nullable=False, index=True),
)

restores = Table(
    "restores",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("restored_at", UtcDateTime, nullable=False),
)
"""When the database was restored from a backup."""

turns = Table(
    "turns",
    metadata,
    Column("name", String, primary_key=True),
    Column("next_at", UtcDateTime, nullable=False),
)
"""When the next process may do what one does for all, and from when on refreshes are frequent again."""

served_addresses = Table(
    "served_addresses",
    metadata,
    Column("base_url", String, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)
"""PORTAL_BASE_URL of the portals that run on this database."""

installation_history = Table(
    "installation_history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("what", String, nullable=False),
    Column("who", String, nullable=False),
    Column("details", String, nullable=False),
)
"""Changes of keys, settings and partners, and commands on all onboardings. Only added to, and deleted by age."""

purged_onboardings = Table(
    "purged_onboardings",
    metadata,
    Column("month", String, primary_key=True),
    Column("status", String, primary_key=True),
    Column("number", Integer, nullable=False),
)
"""What is left of onboardings that were deleted by age: how many began in a month, and how they ended."""

budgets = Table(
    "budgets",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("used", Integer, nullable=False),
)
