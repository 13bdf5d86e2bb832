"""Headers, bodies and paths for gu1: the least that every version of its documentation accepts."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from portal.domain.errors import NotSent, Refused
from portal.domain.onboarding import Details
from portal.gu1.parsing import identifier

_NOT_ABOUT_METADATA = {"ENTITY_NOT_FOUND", "INVALID_ENTITY_TYPE", "KYC_NOT_CONFIGURED"}


def headers(api_key: str, organization_id: str | None) -> dict[str, str]:
    common = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    return common | ({"X-Organization-ID": organization_id} if organization_id else {})


def entity_body(details: Details, external_id: str) -> dict[str, object]:
    body: dict[str, object] = {
        "type": "person",
        "name": f"{details.first_name} {details.last_name}".strip(),
        "taxId": details.document_number,
        "countryCode": details.country,
        "externalId": external_id,
        "entityData": {"person": _person(details)},
    }
    return body | ({"email": details.email} if details.email else {})


def _person(details: Details) -> dict[str, str]:
    """Without a last name for people who have only one name."""
    first = {"firstName": details.first_name}
    return first | ({"lastName": details.last_name} if details.last_name else {})


def validation_body(entity_id: str, integration_code: str, *, double_check: bool) -> dict[str, object]:
    body: dict[str, object] = {"entityId": entity_id, "integrationCode": integration_code}
    return body | ({"doubleCheckRenaper": True} if double_check else {})


def with_metadata(body: dict[str, object], metadata: Mapping[str, str | int]) -> dict[str, object]:
    return body | {"metadata": {"portal": dict(metadata)}}


def may_be_about_metadata(refusal: Refused) -> bool:
    return refusal.http_status in {400, 422} and refusal.code not in _NOT_ABOUT_METADATA


def in_path(gu1_id: str) -> str:
    """Raises `NotSent` for an id that is not safe as one segment of a path."""
    if identifier(gu1_id) != gu1_id:
        raise NotSent("an id that is not safe in a path")
    return gu1_id


def quoted_in_path(external_id: str) -> str:
    # Quoting keeps dots, and these two would change the path.
    if external_id in {"", ".", ".."}:
        raise NotSent("an external id that is not safe in a path")
    return quote(external_id, safe="")
