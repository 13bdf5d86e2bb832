"""Results of the provider and the registry; invented except for the entity's name and number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from e2e.mock_gu1.clock import iso
from e2e.mock_gu1.generations import warning_object
from e2e.mock_gu1.outcomes import Outcome
from e2e.mock_gu1.rows import Entity, Json, Validation
from e2e.mock_gu1.tax_ids import document_digits

PERSONAL_NUMBER = "00512345678"
OTHER_PERSONAL_NUMBER = "00498765432"

_PROVIDER_WORDS = {"approved": "Approved", "rejected": "Declined", "in_review": "In Review"}
_UNREAD = frozenset({"COULD_NOT_RECOGNIZE_DOCUMENT", "RENAPER_DNI_MISSING"})
_FACE = {"LOW_FACE_MATCH_SIMILARITY": "FACE_MATCH", "LIVENESS_FAILED": "LIVENESS", "LIVENESS_FACE_ATTACK": "LIVENESS"}


def extracted_data(entity: Entity, outcome: Outcome) -> Json:
    person = entity.entity_data.get("person") or {}
    first, _, rest = entity.name.partition(" ")
    first_name, last_name = outcome.person or (
        person.get("firstName") or first,
        person.get("lastName") or rest or first,
    )
    number = outcome.document_number or document_digits(entity.tax_id, entity.country)
    read = {
        "firstName": first_name,
        "lastName": last_name,
        "dateOfBirth": person.get("dateOfBirth") or "1990-05-20",
        "nationality": entity.nationality or entity.country,
        "documentType": "Identity Card",
        "documentNumber": None if outcome.code in _UNREAD else number,
    }
    return read if outcome.is_read else dict.fromkeys(read)


def decision(entity: Entity, validation: Validation, outcome: Outcome, images: str) -> Json:
    """Every feature's block comes twice, plain and in an array. A rejection by the registry keeps the approval here.

    `images` is the start of the storage keys.
    """
    declined = outcome.status == "rejected" and not outcome.is_from_registry
    code = outcome.code if declined else None
    culprit = _FACE.get(code, "ID_VERIFICATION") if code else None
    read = extracted_data(entity, outcome)
    blocks = {
        ("id_verification", "id_verifications"): _document(read, _verdict("ID_VERIFICATION", culprit, code), images),
        ("liveness", "liveness_checks"): _liveness(_verdict("LIVENESS", culprit, code), images),
        ("face_match", "face_matches"): _face_match(_verdict("FACE_MATCH", culprit, code), images),
    }
    if not declined:
        blocks["aml_screening", "aml_screenings"] = {"status": "Approved", "node_id": "feature_aml", "warnings": []}
        blocks["ip_analysis", "ip_analyses"] = _ip_analysis(entity.country)
    if outcome.code == "RENAPER_GENDER_MISSING":
        blocks["id_verification", "id_verifications"]["gender"] = None
    return {
        "status": _PROVIDER_WORDS[
            "in_review" if outcome.status == "in_review" else "rejected" if declined else "approved"
        ],
        "workflow_type": "standard",
        "session_id": validation.session_id or validation.id,
        "session_number": 921,
        "features": ["ID_VERIFICATION", "LIVENESS", "FACE_MATCH", *([] if declined else ["IP_ANALYSIS"])],
        "images": {
            "documentFront": f"{images}/document-front.jpg",
            **({} if declined else {"documentBack": f"{images}/document-back.jpg"}),
            "selfie": f"{images}/selfie.jpg",
        },
        **{plain: block for (plain, _), block in blocks.items()},
        **{array: [block] for (_, array), block in blocks.items()},
    }


def registry_answer(entity: Entity, outcome: Outcome, now: datetime) -> Json:
    code = outcome.code if outcome.is_from_registry else None
    looked_up = code in {None, "RENAPER_DNI_NOT_MATCH", "RENAPER_TRAMITE_ID_NOT_MATCH"}
    differs = code == "RENAPER_TRAMITE_ID_NOT_MATCH"
    answer: Json = {
        "verified": code is None,
        "matchResult": "match" if code is None else "mismatch" if looked_up else "error",
        "verifiedAt": iso(now),
        "personalNumber": None if code == "RENAPER_TRAMITE_DATA_MISSING" else PERSONAL_NUMBER,
        "idTramitePrincipal": (OTHER_PERSONAL_NUMBER if differs else PERSONAL_NUMBER) if looked_up else None,
        "renaperData": _registry_row(entity, outcome) if looked_up else None,
    }
    return answer if code is None else answer | {"errorCode": code}


def _registry_row(entity: Entity, outcome: Outcome) -> Json:
    read = extracted_data(entity, outcome)
    return {"nombres": read["firstName"], "apellido": read["lastName"], "fechaNacimiento": read["dateOfBirth"]}


def _verdict(feature: str, culprit: str | None, code: str | None) -> Json:
    if feature != culprit or code is None:
        return {"status": "Approved", "warnings": []}
    return {"status": "Declined", "warnings": [warning_object(code, feature)]}


def _document(read: Json, verdict: Json, images: str) -> Json:
    block = {
        **verdict,
        "node_id": "feature_ocr",
        "document_type": read["documentType"],
        "document_number": read["documentNumber"],
        "first_name": read["firstName"],
        "last_name": read["lastName"],
        "full_name": " ".join(filter(None, (read["firstName"], read["lastName"]))) or None,
        "front_image": f"{images}/document-front.jpg",
        "portrait_image": f"{images}/selfie.jpg",
        "matches": [],
    }
    if verdict["status"] == "Declined":
        return block
    return block | {
        "date_of_birth": read["dateOfBirth"],
        "nationality": read["nationality"],
        "gender": "M",
        "age": 35,
        "issuing_state": read["nationality"],
        "expiration_date": "2035-05-20",
        "date_of_issue": "2020-05-20",
        "back_image": f"{images}/document-back.jpg",
    }


def _liveness(verdict: Json, images: str) -> Json:
    block = {
        **verdict,
        "node_id": "feature_liveness",
        "score": 42 if verdict["status"] == "Declined" else 98,
        "method": "PASSIVE",
        "reference_image": f"{images}/liveness-reference.jpg",
        "matches": [],
    }
    if verdict["status"] == "Declined":
        return block
    return block | {"video_url": f"{images}/liveness-video.webm", "face_quality": 92.5}


def _face_match(verdict: Json, images: str) -> Json:
    return {
        **verdict,
        "node_id": "feature_face_match",
        "score": 38 if verdict["status"] == "Declined" else 95,
        "source_image": f"{images}/document-front.jpg",
        "target_image": f"{images}/selfie.jpg",
    }


def _ip_analysis(country: str) -> dict[str, Any]:
    return {
        "status": "Approved",
        "node_id": "feature_ip_analysis",
        "ip_address": "203.0.113.10",
        "country": country,
        "region": "Example Region",
        "city": "Example City",
        "is_vpn": False,
        "is_proxy": False,
        "warnings": [],
    }
