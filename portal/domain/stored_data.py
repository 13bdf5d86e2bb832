"""What is stored, how, how long and why: the one table of it, in keys that pages and documents put into words.

`tests/store/test_stored_data.py` compares it with the schema, so a new column needs a place here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    PLAIN = "plain"
    SEALED = "sealed"
    """Encrypted with a key derived from PORTAL_SECRET_KEYS."""
    KEYED_HASH = "keyed_hash"
    """HMAC with a key derived from PORTAL_SECRET_KEYS: useless to whoever has the database alone."""
    HASH = "hash"


class Kept(StrEnum):
    """As it is today; docs/operating.md says it in words."""

    UNTIL_AT_GU1 = "until_at_gu1"
    """Until gu1 has it; otherwise at most as long as the access link."""
    ATTEMPTS_WINDOW = "attempts_window"
    UNTIL_OVER = "until_over"
    """Until the onboarding is over, at most as long as the access link."""
    LINK = "link"
    """Until the access link has expired and nothing is left to do."""
    ONBOARDING = "onboarding"
    """As long as the onboarding: PORTAL_RETENTION_DAYS. An erasure takes what is personal in it."""
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    MONTH_AFTER_DELIVERY = "month_after_delivery"
    INSTALLATION_HISTORY = "installation_history"
    """400 days. Nothing about an applicant."""
    FOREVER = "forever"
    """Nothing about a person."""


class Purpose(StrEnum):
    CREATE_RECORD = "create_record"
    COMPARE_DOCUMENT = "compare_document"
    LIMIT_ATTEMPTS = "limit_attempts"
    COUNT = "count"
    LIMIT_STARTS = "limit_starts"
    PROVE_CONSENT = "prove_consent"
    SERVE_PARTNER = "serve_partner"
    SEND_MAILS = "send_mails"
    SHOW_PAGE = "show_page"
    OPEN_HOSTED_PAGE = "open_hosted_page"
    FOLLOW_VALIDATION = "follow_validation"
    VERIFY_AGAIN = "verify_again"
    EXPLAIN_CHANGES = "explain_changes"
    EXPLAIN_INSTALLATION = "explain_installation"
    RECOGNISE_REPEATS = "recognise_repeats"
    RUN_WORK = "run_work"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredData:
    columns: dict[str, str]
    """Table → names of its columns in the database, separated by spaces."""
    form: Form = Form.PLAIN
    kept: Kept
    purpose: Purpose
    is_personal: bool = True
    """About an applicant, by itself or with what is beside it."""


STORED_DATA: dict[str, StoredData] = {
    "details": StoredData(
        columns={"onboardings": "details_sealed"},
        form=Form.SEALED,
        kept=Kept.UNTIL_AT_GU1,
        purpose=Purpose.CREATE_RECORD,
    ),
    "country_and_language": StoredData(
        columns={"onboardings": "country locale"},
        kept=Kept.ONBOARDING,
        purpose=Purpose.SHOW_PAGE,
    ),
    "document_and_name_hashes": StoredData(
        columns={"onboardings": "document_digest name_digests", "validations": "verified_digest"},
        form=Form.KEYED_HASH,
        kept=Kept.LINK,
        purpose=Purpose.COMPARE_DOCUMENT,
    ),
    "person_hash": StoredData(
        columns={"onboardings": "person"},
        form=Form.KEYED_HASH,
        kept=Kept.ATTEMPTS_WINDOW,
        purpose=Purpose.LIMIT_ATTEMPTS,
    ),
    "numbers_of_deleted": StoredData(
        columns={"purged_onboardings": "month status number"},
        kept=Kept.FOREVER,
        purpose=Purpose.COUNT,
        is_personal=False,
    ),
    "restores": StoredData(
        columns={"restores": "number restored_at", "turns": "name next_at", "served_addresses": "base_url seen_at"},
        kept=Kept.FOREVER,
        purpose=Purpose.COUNT,
        is_personal=False,
    ),
    "start_counts": StoredData(
        columns={"start_counters": "key used ends_at", "onboardings": "turn"},
        form=Form.KEYED_HASH,
        kept=Kept.DAY,
        purpose=Purpose.LIMIT_STARTS,
    ),
    "attempts": StoredData(
        columns={"onboardings": "earlier_attempts attempts_opened allowed_attempt outages outages_in_row"},
        kept=Kept.ONBOARDING,
        purpose=Purpose.LIMIT_ATTEMPTS,
    ),
    "consent": StoredData(
        columns={"onboardings": "consent_version consent_given_at consent_language consent_digest"},
        kept=Kept.ONBOARDING,
        purpose=Purpose.PROVE_CONSENT,
    ),
    "form_hash": StoredData(
        columns={"onboardings": "submission"},
        form=Form.HASH,
        kept=Kept.LINK,
        purpose=Purpose.RECOGNISE_REPEATS,
    ),
    "partner_customer": StoredData(
        columns={
            "onboardings": "partner external_id purpose known_as return_url state metadata capture given_by_partner"
            " reverify other_numbers link_generation link_issued_at link_expires_at",
            "customers": "partner external_id onboarding_id",
            "customer_purposes": "partner external_id purpose onboarding_id",
        },
        kept=Kept.ONBOARDING,
        purpose=Purpose.SERVE_PARTNER,
    ),
    "hosted_page_address": StoredData(
        columns={"validations": "session_url_sealed"},
        form=Form.SEALED,
        kept=Kept.LINK,
        purpose=Purpose.OPEN_HOSTED_PAGE,
    ),
    "provider_session": StoredData(
        columns={"validations": "session_id"},
        kept=Kept.LINK,
        purpose=Purpose.OPEN_HOSTED_PAGE,
    ),
    "onboarding_and_gu1_ids": StoredData(
        columns={
            "onboardings": "id entity_id entity_is_own lost_entity_id entity_conflict correction set_aside",
            "validations": "onboarding_id number nonce gu1_id",
        },
        kept=Kept.ONBOARDING,
        purpose=Purpose.FOLLOW_VALIDATION,
    ),
    "course_and_verdict": StoredData(
        columns={
            "onboardings": "current_validation stopped_at stopped_by_operator erasure_asked_at erased_at"
            " verified_before_at created_at updated_at photos_reminded_at expiry_reminded_at lapsed_at",
            "validations": "status reason double_check double_check_taken_up confirming_since patience_ended_at"
            " identity_match identity_basis identity_required operator_decision was_in_review was_approved decided_by"
            " shown_at returned_at gu1_updated_at expires_at verified_at created_at restart_asked_at"
            " restart_refused_at",
        },
        kept=Kept.ONBOARDING,
        purpose=Purpose.FOLLOW_VALIDATION,
    ),
    "reverification": StoredData(
        columns={"onboardings": "verified_until verification_check_at reverification_due_at"},
        kept=Kept.ONBOARDING,
        purpose=Purpose.VERIFY_AGAIN,
    ),
    "phone_codes": StoredData(
        columns={"phone_codes": "digest onboarding_id", "onboardings": "phone_joined_at"},
        form=Form.KEYED_HASH,
        kept=Kept.ONBOARDING,
        purpose=Purpose.SHOW_PAGE,
    ),
    "last_visit": StoredData(
        columns={"onboardings": "watched_at"},
        kept=Kept.ONBOARDING,
        purpose=Purpose.RUN_WORK,
    ),
    "work": StoredData(
        columns={
            "onboardings": "trouble failures due_at sweep_at recheck_at reminder_due_at fence lease_until last_event"
            " request_id",
            "validations": "sending sends sent_at empty_looks refreshes",
        },
        kept=Kept.ONBOARDING,
        purpose=Purpose.RUN_WORK,
        is_personal=False,
    ),
    "history": StoredData(
        columns={
            "history": "id onboarding_id at actor operator action attempt old_status old_stage new_status new_stage"
            " reason note waited_seconds waited_country"
        },
        kept=Kept.ONBOARDING,
        purpose=Purpose.EXPLAIN_CHANGES,
    ),
    "installation_history": StoredData(
        columns={"installation_history": "id at what who details"},
        kept=Kept.INSTALLATION_HISTORY,
        purpose=Purpose.EXPLAIN_INSTALLATION,
        is_personal=False,
    ),
    "notifications": StoredData(
        columns={
            "events": "id partner onboarding_id sequence payload created_at due_at lease_until attempts outcome"
            " delivered_at type"
        },
        kept=Kept.MONTH_AFTER_DELIVERY,
        purpose=Purpose.SERVE_PARTNER,
    ),
    "mail_address": StoredData(
        columns={"mail_addresses": "address_sealed"},
        form=Form.SEALED,
        kept=Kept.UNTIL_OVER,
        purpose=Purpose.SEND_MAILS,
    ),
    "mails": StoredData(
        columns={
            "mails": "id onboarding_id kind occasion is_last created_at due_at lease_until attempts handed_over_at"
            " sent_at outcome",
            "mail_addresses": "onboarding_id created_at",
            "mail_stops": "onboarding_id created_at",
        },
        kept=Kept.ONBOARDING,
        purpose=Purpose.SEND_MAILS,
    ),
    "idempotency_keys": StoredData(
        columns={"idempotency_keys": "partner key onboarding_id is_new answer created_at"},
        kept=Kept.WEEK,
        purpose=Purpose.RECOGNISE_REPEATS,
    ),
    "request_hashes": StoredData(
        columns={"idempotency_keys": "fingerprint"},
        form=Form.KEYED_HASH,
        kept=Kept.WEEK,
        purpose=Purpose.RECOGNISE_REPEATS,
    ),
    "webhook_hashes": StoredData(
        columns={"webhook_deliveries": "body_sha256 received_at"},
        form=Form.HASH,
        kept=Kept.MONTH,
        purpose=Purpose.RECOGNISE_REPEATS,
    ),
    "hourly_budget": StoredData(
        columns={"budgets": "hour used"},
        kept=Kept.FOREVER,
        purpose=Purpose.RUN_WORK,
        is_personal=False,
    ),
}
