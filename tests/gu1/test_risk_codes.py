from __future__ import annotations

import pytest

from portal.domain.reasons import Reason
from portal.gu1.risk_codes import RANKING, WITHOUT_EFFECT, reason_of
from tests.gu1.catalogue import CODES

_ALL = [code for _, codes in RANKING for code in codes] + list(WITHOUT_EFFECT)


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_the_catalogue_has_one_entry(code: str) -> None:
    assert _ALL.count(code) == 1


def test_table_has_no_code_that_nobody_gives() -> None:
    assert set(_ALL) <= set(CODES)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("RENAPER_DNI_MISSING", Reason.REGISTRY_DOCUMENT_MISSING),
        ("RENAPER_GENDER_MISSING", Reason.REGISTRY_GENDER_MISSING),
        ("RENAPER_VERIFICATION_UNAVAILABLE", Reason.REGISTRY_UNAVAILABLE),
        ("RENAPER_DNI_NOT_MATCH", Reason.REGISTRY_DOCUMENT_MISMATCH),
        ("RENAPER_TRAMITE_DATA_MISSING", Reason.REGISTRY_CARD_DATA_MISSING),
        ("RENAPER_TRAMITE_ID_NOT_MATCH", Reason.REGISTRY_CARD_OUTDATED),
        ("DOCUMENT_EXPIRED", Reason.DOCUMENT_EXPIRED),
        ("MINIMUM_AGE_NOT_MET", Reason.UNDERAGE),
        ("MRZ_NOT_DETECTED", Reason.DOCUMENT_UNREADABLE),
        ("POSSIBLE_MATCH_FOUND", Reason.NOT_ELIGIBLE),
        ("PRIVATE_NETWORK_DETECTED", Reason.NOT_ELIGIBLE),
        ("COULD_NOT_PERFORM_DATABASE_VALIDATION", Reason.REGISTRY_UNAVAILABLE),
        (" low_liveness_score ", Reason.LIVENESS_FAILED),
        ("BRAND_NEW_CODE", Reason.UNSPECIFIED),
        ("UNPARSED_ADDRESS", None),
        ("", None),
    ],
)
def test_one_code_has_one_reason(code: str, reason: Reason | None) -> None:
    assert reason_of([code]) is reason


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (("RENAPER_TRAMITE_ID_NOT_MATCH", "DUPLICATED_FACE"), Reason.REGISTRY_CARD_OUTDATED),
        (("DOCUMENT_EXPIRED", "ID_DOCUMENT_IN_BLOCKLIST"), Reason.NOT_ELIGIBLE),
        (("PRIVATE_NETWORK_DETECTED", "DOCUMENT_EXPIRED"), Reason.DOCUMENT_EXPIRED),
        (("MRZ_NOT_DETECTED", "DOCUMENT_EXPIRED"), Reason.DOCUMENT_EXPIRED),
        (("LOW_FACE_QUALITY", "LOW_FACE_MATCH_SIMILARITY"), Reason.FACE_MISMATCH),
        (
            ("FACE_MATCH_LOW_CONFIDENCE", "LIVENESS_FAILED", "DOCUMENT_AUTHENTICITY_FAILED"),
            Reason.DOCUMENT_AUTHENTICITY,
        ),
        (("BRAND_NEW_CODE", "LOW_FACE_QUALITY"), Reason.FACE_UNCLEAR),
        (("UNPARSED_ADDRESS", "BRAND_NEW_CODE"), Reason.UNSPECIFIED),
        ((), None),
    ],
)
def test_highest_reason_wins_in_any_order(codes: tuple[str, ...], reason: Reason | None) -> None:
    assert reason_of(codes) is reason_of(reversed(codes)) is reason
