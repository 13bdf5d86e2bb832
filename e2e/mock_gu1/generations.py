"""Differences inside a body between the generations of gu1's documentation."""

from __future__ import annotations

from typing import Any

from e2e.mock_gu1.api_variants import ApiVariant
from e2e.mock_gu1.rows import Json, Validation

LINKS = "https://media.example.com/"
BLOCKS = {"id_verification": "id_verifications", "liveness": "liveness_checks", "face_match": "face_matches"}
"""Each feature's plain key → the key of its array."""
_DOCUMENT_TYPES = {"Identity Card": "identity_card"}


def warning_object(code: str, feature: str = "ID_VERIFICATION") -> Json:
    words = code.replace("_", " ").capitalize()
    return {
        "risk": code,
        "feature": feature,
        "short_description": words,
        "long_description": f"{words}, as chosen in the mock.",
        "log_type": "error",
    }


def decision_in(variant: ApiVariant, row: Validation) -> Json | None:
    if row.decision is None or variant.decision == "none":
        return None
    if variant.decision == "legacy":
        return _legacy(row, row.decision)
    decision = _with_warnings(row.decision, row, variant)
    if variant.features == "lower":
        decision = decision | {"features": [feature.lower() for feature in decision["features"]]}
    return _with_links(decision) if variant.media == "links" else decision


def dressed(body: Any, variant: ApiVariant) -> Any:
    """Final changes to every body: extra keys, and swapped numbers and strings."""
    if variant.extra_keys == "on":
        body = _with_extra_keys(body)
    if variant.numbers == "as_strings" or variant.strings == "as_numbers":
        body = _swapped(body, numbers=variant.numbers == "as_strings", strings=variant.strings == "as_numbers")
    return body


def _legacy(row: Validation, newest: Json) -> Json:
    read = row.extracted or {}
    verdicts = {name: newest[name]["status"] == "Approved" for name in BLOCKS}
    return {
        "document_details": {
            "type": _DOCUMENT_TYPES.get(read.get("documentType", ""), "identity_card"),
            "number": read.get("documentNumber"),
            "country": read.get("nationality"),
        },
        "extracted_information": {
            key: read.get(key) for key in ("firstName", "lastName", "dateOfBirth", "nationality")
        },
        "verification_results": {
            "documentAuthenticity": _passed(verdicts["id_verification"]),
            "faceMatch": _passed(verdicts["face_match"]),
            "liveness": _passed(verdicts["liveness"]),
            "aml": "clear",
        },
        "warnings": [warning["risk"] for name in BLOCKS for warning in newest[name]["warnings"]],
    }


def _passed(verdict: bool) -> str:
    return "pass" if verdict else "fail"


def _with_warnings(decision: Json, row: Validation, variant: ApiVariant) -> Json:
    """The provider's codes are in their feature's block; removes them if the variant puts them elsewhere."""
    if variant.warnings_place == "documented" or row.outcome is None or row.code is None:
        return decision
    stays = variant.warnings_place == "decision"
    changed = dict(decision)
    for plain, array in BLOCKS.items():
        warnings = decision[plain]["warnings"] if stays else []
        if stays and row.outcome.is_from_registry and plain == "id_verification":
            warnings = [warning_object(row.code)]
        block = decision[plain] | {"warnings": warnings}
        changed |= {plain: block, array: [block]}
    return changed


def _with_links(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_links(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_links(item) for item in value]
    return f"{LINKS}{value}?expires=14400" if isinstance(value, str) and value.startswith("kyc/") else value


def _with_extra_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_extra_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    extra = {"schemaVersion": 7, "_links": {"self": "/"}, "isNew": None, "": []}
    return {key: _with_extra_keys(item) for key, item in value.items()} | extra


def _swapped(value: Any, *, numbers: bool, strings: bool, key: str = "") -> Any:
    """The metadata that the portal itself sent (`portal`) come back unchanged."""
    if key == "portal":
        return value
    if isinstance(value, dict):
        return {name: _swapped(item, numbers=numbers, strings=strings, key=name) for name, item in value.items()}
    if isinstance(value, list):
        return [_swapped(item, numbers=numbers, strings=strings, key=key) for item in value]
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if strings and isinstance(value, str) and value.isascii() and value.isdigit() and not _names_an_id(key):
        return int(value)
    return value


def _names_an_id(key: str) -> bool:
    return key == "id" or (key.lower().endswith(("_id", "id")) and key not in {"taxId"})
