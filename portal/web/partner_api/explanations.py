"""What OpenAPI says of each field and each word, beside what the models say themselves."""

from __future__ import annotations

from portal.services.notification import EXPIRING, LAPSED, LEFT_AT_PHOTOS, TEST, UPDATED

OPEN = "Further words may come: take one that you do not know for an onboarding that is still under way."

WORDS: dict[str, dict[str, str]] = {
    "Status": {
        "pending": "created; the customer has not started at the provider",
        "in_progress": "the customer is at the provider",
        "in_review": "a person has to decide, or an approval is held",
        "approved": "verified",
        "rejected": "not verified; see `reason`",
        "expired": "the session ran out, or an approval ended",
        "abandoned": "the customer left the provider's page and may continue",
        "cancelled": "cancelled at gu1, by the customer or by you",
        "unknown": "gu1 used a word that the portal does not know; never final",
    },
    "Stage": {
        "details": "the customer has to give details, or only to consent",
        "preparing": "the verification is being prepared",
        "ready": "the customer can take the photos",
        "waiting": "the result is awaited",
        "confirming": "an approval waits for RENAPER's double check",
        "in_review": "a person is reviewing, or the verification is on hold",
        "approved": "verified",
        "rejected": "not verified; there is a retry if `is_final` is false",
        "expired": "the session ran out, or an approval ended",
        "abandoned": "the session is unfinished",
        "cancelled": "cancelled",
        "delayed": "it takes longer than usual",
        "closed": "no attempts are left, or none before `can_retry_at`",
        "lapsed": "the access link ended before it was over; see `expires_at`",
    },
    "Reason": {
        "registry_document_missing": "no document number could be read for the registry",
        "registry_gender_missing": "the field of the sex could not be used for the registry",
        "registry_unavailable": "the registry did not answer; retry later",
        "registry_document_mismatch": "the document number is not the one in the registry",
        "registry_card_data_missing": "the card's own number could not be read, or there is none",
        "registry_card_outdated": "the card is an older one; retry with the current card",
        "document_unreadable": "the photos of the document were not clear enough",
        "document_expired": "the document has expired",
        "document_unsupported": "this kind of document is not accepted",
        "document_authenticity": "the photos may show a copy or a screen",
        "document_data_mismatch": "details disagree with each other or with a record",
        "face_mismatch": "the face does not match the document",
        "liveness_failed": "the check for a live person failed",
        "face_unclear": "the face was not clear in the picture",
        "underage": "below the minimum age",
        "not_eligible": "fraud, duplicate, blocklist, AML or device codes",
        "unspecified": "gu1 gave no reason that is known",
    },
    "IdentityMatch": {
        "unknown": "nothing was compared",
        "match": "the verified document is of the person whose details were given",
        "mismatch": "it is somebody else's; an approval is held",
    },
    "Correction": {
        "pending": "the number is the document's; gu1's record is being corrected",
        "corrected": "gu1's record has it, and the verdict counts",
        "replaced": "a new record and a new validation follow",
        "refused": "it is not the number of the document either",
    },
    "Decider": {
        "automatic": "the provider's and the registry's checks",
        "person": "a reviewer at gu1; final for the customer",
    },
    "Capture": {
        "redirect": "in the same tab",
        "new-tab": "in a new tab",
        "frame": "in a frame beside the status",
    },
    "Locale": {
        "es-AR": "Spanish as it is spoken in Argentina",
        "es": "Spanish",
        "pt-BR": "Portuguese as it is spoken in Brazil",
        "en": "English",
    },
}
"""Schema → word → what it means."""

CLOSED = {"Capture", "Locale"}
"""Only requests have these."""

_PROBLEM = {"title": "The name of the HTTP status", "status": "The HTTP status"}
_WHEN = "When it happened"
FIELDS: dict[str, dict[str, str]] = {
    "Applicant": {"first_name": "As on the document", "email": "Where gu1 may reach the person"},
    "OnboardingRequest": {"applicant": "The customer's details, if you have them; the customer then only consents"},
    "Started": {"id": "Of the onboarding", "status": "gu1's word", "stage": "Where the customer's page stands"},
    "Summary": {
        "id": "Of the onboarding",
        "external_id": "Your own name for the customer",
        "purpose": "What the customer is verified for; null if you gave none",
        "status": "gu1's word for the current validation",
        "stage": "Where the customer's page stands",
        "reason": "Why the validation was rejected",
        "identity_match": "Whether the verified document is of the person whose details were given",
        "correction": "What became of a number that was given once more; null if none was",
        "decided_by": "Who decided; null without a verdict",
        "attempts": "The onboarding's validations, without those that failed because the registry did not answer",
        "validation_id": "gu1's id of the current validation",
        "entity_id": "gu1's id of the customer",
        "created_at": "When it was started",
        "updated_at": "When it last changed visibly",
        "verified_at": "When the customer was verified; null if not approved",
        "verified_until": "When the approval ends; null if gu1 does not say",
        "needs_reverification": "The customer has to verify again",
        "can_retry_at": "When the next attempt may be made, also if that is past; null if no wait is asked for",
        "is_final": "Nothing more can come of what the customer does. A reviewer may still overturn a verdict",
        "attempts_left": "Attempts that the customer has left now; 0 if final",
        "expires_at": "Until when the access link leads anywhere",
        "livemode": "false with a key of gu1's sandbox, whose verdicts are invented",
        "state": "As you gave it",
        "metadata": "As you gave them",
    },
    "Link": {"id": "Of the onboarding", "expires_at": "Until when the link leads anywhere"},
    "Change": {
        "at": _WHEN,
        "action": "What happened; further words may come",
        "old_stage": "The stage before it",
        "new_status": "The status after it",
        "new_stage": "The stage after it",
        "reason": "Why a validation was rejected",
    },
    "Changes": {"events": "What changed status or stage", "notifications": "What your backend was told of it"},
    "Notification": {
        "type": "What happened, as in the notification itself; further ones may come",
        "sequence": "Counts the notifications of one onboarding from 1",
        "created_at": _WHEN,
        "delivered_at": "When your backend accepted it",
    },
    "TestedBackend": {"type": "`onboarding.test`", "outcome": "What your backend answered, in a few words"},
    "OnboardingList": {"onboardings": "A page of them"},
    "Receipt": {"id": "Of the onboarding", "erased_at": "When it was erased", "kept_at_gu1": "What only gu1 can erase"},
    "KeptAtGu1": {"entity_id": "gu1's id of the customer", "validation_id": "gu1's id of the validation"},
    "Problem": _PROBLEM,
    "Conflict": _PROBLEM,
    "Refusal": _PROBLEM,
    "Fault": {"message": "What is wrong with it; for people, its words may change"},
    "ProblemKind": {
        "type": "This address",
        "code": "For programs",
        "status": "The HTTP status that comes with it",
        "title": "The name of the HTTP status",
        "meaning": "What is wrong, and what helps",
    },
}
"""Schema → field → what it holds, for the fields whose model does not say it."""

TAGS = {
    "Onboardings": "Start, read, list, change, cancel and erase the onboardings of your customers",
    "Notifications": "What your backend is told, again if you like",
    "About": "This document, and what its problems mean",
}
NOTIFICATIONS = {
    UPDATED: "Something changed that reading the onboarding shows.",
    LEFT_AT_PHOTOS: "The customer went to take the photos some time ago and has not finished; sent once.",
    EXPIRING: "The access link ends soon, and the customer has not finished.",
    LAPSED: "The access link ended before the onboarding was over; `onboarding.updated` comes as well.",
    TEST: "You asked for it.",
}
"""Type of notification → when it comes."""
OPERATIONS = {
    "createOnboarding": (
        "Onboardings",
        "Without a key the customer's open onboarding is found as well. Lead the customer, and nobody else, to `url`.",
    ),
    "listOnboardings": (
        "Onboardings",
        "A page may have fewer than `limit`: there are more as long as `next` is not null. What is started meanwhile "
        "does not move the pages that follow. Erased onboardings are left out.",
    ),
    "readOnboarding": ("Onboardings", "This is the truth, whatever came back with the customer."),
    "changeOnboarding": ("Onboardings", "While `is_final` is false. What is absent stays as it is."),
    "cancelOnboarding": ("Onboardings", "The data stay until they are erased. Cancelling again changes nothing."),
    "replaceLink": ("Onboardings", "The old link answers 410 from then on, also to an open page."),
    "eraseOnboarding": ("Onboardings", "The receipt is the same each time, and names what only gu1 can erase."),
    "listEvents": ("Notifications", "Nothing in it is personal data."),
    "resendEvent": ("Notifications", "It keeps its id, so a backend that had it already can leave it out."),
    "sendTestEvent": ("Notifications", "It is signed like any other, sent at once, and not retried."),
    "explainProblem": ("About", "For the developer who follows the `type` of a problem."),
    "describe": ("About", "For a generator of clients. It needs no key."),
}
"""Operation → its tag and description."""
