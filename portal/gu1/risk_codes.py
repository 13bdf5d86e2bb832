"""gu1's risk codes and our reasons for them, most important first: the first row that applies is the reason.

gu1 may send codes that are not listed here; alone, they make the reason "unspecified".
"""

from __future__ import annotations

from collections.abc import Iterable

from portal.domain.reasons import Reason

RANKING: tuple[tuple[Reason, frozenset[str]], ...] = (
    (Reason.REGISTRY_DOCUMENT_MISMATCH, frozenset({"RENAPER_DNI_NOT_MATCH"})),
    (Reason.REGISTRY_CARD_OUTDATED, frozenset({"RENAPER_TRAMITE_ID_NOT_MATCH"})),
    (Reason.REGISTRY_CARD_DATA_MISSING, frozenset({"RENAPER_TRAMITE_DATA_MISSING"})),
    (Reason.REGISTRY_DOCUMENT_MISSING, frozenset({"RENAPER_DNI_MISSING"})),
    (Reason.REGISTRY_GENDER_MISSING, frozenset({"RENAPER_GENDER_MISSING"})),
    (Reason.REGISTRY_UNAVAILABLE, frozenset({"RENAPER_VERIFICATION_UNAVAILABLE"})),
    # Before everything that an applicant could act on: a suspect must not learn what we noticed.
    (
        Reason.NOT_ELIGIBLE,
        frozenset(
            {
                "AUTOMATION_FRAMEWORK_DETECTED",
                "COULD_NOT_PERFORM_AML_SCREENING",
                "CUSTOM_STATUS_RULE_TRIGGERED",
                "DEVICE_APP_TAMPERED",
                "DEVICE_FINGERPRINT_IN_BLOCKLIST",
                "DEVICE_RUNTIME_HOOKING_DETECTED",
                "DUPLICATED_FACE",
                "FACE_IN_BLOCKLIST",
                "FRONT_CAMERA_FACE_IN_BLOCKLIST",
                "ID_DOCUMENT_IN_BLOCKLIST",
                "IP_ADDRESS_IN_BLOCKLIST",
                "LIVENESS_FACE_ATTACK",
                "PORTRAIT_MANIPULATION_DETECTED",
                "POSSIBLE_DUPLICATED_FACE",
                "POSSIBLE_DUPLICATED_USER",
                "POSSIBLE_FACE_IN_BLOCKLIST",
                "POSSIBLE_MATCH_FOUND",
                "PUBLIC_DOCUMENT_IMAGE_DETECTED",
            }
        ),
    ),
    # What a better picture cannot solve comes before what it can.
    (Reason.UNDERAGE, frozenset({"AGE_BELOW_MINIMUM", "MINIMUM_AGE_NOT_MET"})),
    (Reason.DOCUMENT_UNSUPPORTED, frozenset({"DOCUMENT_NOT_SUPPORTED_FOR_APPLICATION"})),
    (Reason.DOCUMENT_EXPIRED, frozenset({"DOCUMENT_EXPIRED"})),
    (
        Reason.DOCUMENT_DATA_MISMATCH,
        frozenset(
            {
                "COUNTRY_MISMATCH_WITH_PROVIDED",
                "DATABASE_VALIDATION_NO_MATCH",
                "DATABASE_VALIDATION_PARTIAL_MATCH",
                "DOB_MISMATCH_WITH_PROVIDED",
                "DOCUMENT_COUNTRY_MISMATCH",
                "DOCUMENT_NAME_DIFFERENT_FROM_OTHER_APPROVED_DOCUMENTS",
                "FULL_NAME_MISMATCH_WITH_PROVIDED",
                "GENDER_MISMATCH_WITH_PROVIDED",
                "IDENTIFICATION_NUMBER_MISMATCH_WITH_PROVIDED",
                "ID_VERIFICATION_DATA_MISMATCH_BETWEEN_DOCUMENTS",
                "NATIONALITY_MISMATCH_WITH_PROVIDED",
            }
        ),
    ),
    (
        Reason.DOCUMENT_AUTHENTICITY,
        frozenset({"DOCUMENT_AUTHENTICITY_FAILED", "PRINTED_COPY_DETECTED", "SCREEN_CAPTURE_DETECTED"}),
    ),
    (
        Reason.DOCUMENT_UNREADABLE,
        frozenset(
            {
                "AGE_NOT_DETECTED",
                "BARCODE_NOT_DETECTED",
                "BARCODE_VALIDATION_FAILED",
                "COULD_NOT_DETECT_DOCUMENT_TYPE",
                "COULD_NOT_RECOGNIZE_DOCUMENT",
                "DATA_INCONSISTENT",
                "DATE_OF_BIRTH_NOT_DETECTED",
                "DOCUMENT_LIVENESS_NOT_COMPUTED",
                "DOCUMENT_NUMBER_FORMAT_MISMATCH",
                "DOCUMENT_NUMBER_NOT_DETECTED",
                "DOCUMENT_SIDES_MISMATCH",
                "EXPIRATION_DATE_NOT_DETECTED",
                "INVALID_DATE",
                "MRZ_AND_DATA_EXTRACTED_FROM_OCR_NOT_SAME",
                "MRZ_NOT_DETECTED",
                "MRZ_VALIDATION_FAILED",
                "NAME_NOT_DETECTED",
                "NO_REFERENCE_IMAGE",
                "PERSONAL_NUMBER_FORMAT_MISMATCH",
                "PORTRAIT_IMAGE_NOT_DETECTED",
                "QR_NOT_DETECTED",
                "QR_VALIDATION_FAILED",
            }
        ),
    ),
    (Reason.LIVENESS_FAILED, frozenset({"LIVENESS_FAILED", "LOW_LIVENESS_SCORE"})),
    (
        Reason.FACE_MISMATCH,
        frozenset({"FACE_MATCH_LOW_CONFIDENCE", "LOW_FACE_MATCH_SIMILARITY", "LOW_FRONT_CAMERA_FACE_MATCH_SIMILARITY"}),
    ),
    (
        Reason.FACE_UNCLEAR,
        frozenset(
            {
                "FACE_MATCH_NOT_COMPUTED",
                "HIGH_FACE_LUMINANCE",
                "LOW_FACE_LUMINANCE",
                "LOW_FACE_QUALITY",
                "MULTIPLE_FACES_DETECTED",
                "NO_FACE_DETECTED",
            }
        ),
    ),
    (Reason.REGISTRY_UNAVAILABLE, frozenset({"COULD_NOT_PERFORM_DATABASE_VALIDATION"})),
    # Honest devices have these too, so they count only if nothing else does.
    (
        Reason.NOT_ELIGIBLE,
        frozenset(
            {
                "COUNTRY_FROM_DOCUMENT_DOES_NOT_MATCH_COUNTRY_FROM_IP",
                "DEVICE_EMULATOR_DETECTED",
                "DEVICE_RECOVERED_HIGH_CONFIDENCE",
                "DEVICE_ROOTED_OR_JAILBROKEN",
                "DUPLICATED_DEVICE_FINGERPRINT",
                "DUPLICATED_IP_ADDRESS",
                "EXPECTED_IP_ADDRESS_MISMATCH",
                "PRIVATE_NETWORK_DETECTED",
            }
        ),
    ),
)

WITHOUT_EFFECT = frozenset({"UNPARSED_ADDRESS"})


def reason_of(codes: Iterable[str]) -> Reason | None:
    """The highest reason; None if no code counts."""
    given = {code.strip().upper() for code in codes} - WITHOUT_EFFECT - {""}
    for reason, its_codes in RANKING:
        if given & its_codes:
            return reason
    return Reason.UNSPECIFIED if given else None
