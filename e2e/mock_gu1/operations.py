"""The names of gu1's calls for faults."""

from __future__ import annotations

import re

_ENTITIES = r"(?:/api)?/entities"
_VALIDATION = r"/api/kyc/validations/[^/]+"
_ENTITY = r"/api/kyc/entities/[^/]+"

_CALLS: tuple[tuple[str, str, str], ...] = (
    ("create_entity", "POST", _ENTITIES),
    ("create_entity_automatic", "POST", f"{_ENTITIES}/automatic"),
    ("change_external_id", "POST", f"{_ENTITIES}/change-external-id"),
    ("find_entities", "GET", _ENTITIES),
    ("read_entity_by_external_id", "GET", f"{_ENTITIES}/by-external-id/.+"),
    ("read_entity_by_tax_id", "GET", f"{_ENTITIES}/by-tax-id/.+"),
    ("read_entity", "GET", f"{_ENTITIES}/[^/]+"),
    ("update_entity", "PATCH", f"{_ENTITIES}/[^/]+"),
    ("create_validation", "POST", "/api/kyc/validations"),
    ("find_validations", "GET", "/api/kyc/validations"),
    ("read_validation", "GET", _VALIDATION),
    ("read_media", "GET", f"{_VALIDATION}/media"),
    ("sync_validation", "POST", f"{_VALIDATION}/sync"),
    ("approve_validation", "POST", f"{_VALIDATION}/approve"),
    ("reject_validation", "POST", f"{_VALIDATION}/reject"),
    ("cancel_validation", "DELETE", f"{_VALIDATION}/cancel"),
    ("list_validations", "GET", f"{_ENTITY}/validations"),
    ("read_current", "GET", f"{_ENTITY}/current"),
    ("read_status", "GET", f"{_ENTITY}/status"),
    ("read_stats", "GET", "/api/kyc/stats"),
    ("open_session", "GET", "/session/[^/]+"),
    ("choose_outcome", "POST", "/session/[^/]+/outcome"),
)
_COMPILED = tuple((name, method, re.compile(pattern)) for name, method, pattern in _CALLS)

ANY = "*"
OPERATIONS = tuple(name for name, _, _ in _CALLS)


def operation_of(method: str, path: str) -> str | None:
    """None if the request is not a call of gu1's API: faults never strike the mock's own switches."""
    return next((name for name, verb, at in _COMPILED if verb == method and at.fullmatch(path)), None)
