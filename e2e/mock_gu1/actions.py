"""/api/kyc/validations/<id>/…: an organization's actions on a validation."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.errors import ApiError, admit, invalid, json_body, reason_in, validation_not_found
from e2e.mock_gu1.mock import answer, current_mock
from e2e.mock_gu1.outcomes import APPROVE, REJECT, Outcome
from e2e.mock_gu1.rows import Validation

actions = Blueprint("actions", __name__)
actions.before_request(admit)


@actions.post("/<validation_id>/sync")
def sync(validation_id: str) -> ResponseReturnValue:
    row = _validation(validation_id)
    body = request.get_json(force=True, silent=True) or {}
    if not isinstance(body, dict) or not isinstance(body.get("force", False), bool):
        raise invalid("force must be a boolean")
    mock = current_mock()
    if row.session_id is None:
        raise ApiError(400, "NO_PROVIDER_SESSION", "The validation has no provider session")
    if mock.variant.integration == "missing":
        raise ApiError(400, "PROVIDER_NOT_CONFIGURED", "The KYC provider is not configured")
    return answer(mock.shapes.validation(mock.lifecycle.sync(row.id) or row))


@actions.post("/<validation_id>/approve")
def approve(validation_id: str) -> ResponseReturnValue:
    return _decided(validation_id, APPROVE)


@actions.post("/<validation_id>/reject")
def reject(validation_id: str) -> ResponseReturnValue:
    return _decided(validation_id, REJECT)


@actions.delete("/<validation_id>/cancel")
def cancel(validation_id: str) -> ResponseReturnValue:
    row = _validation(validation_id)
    reason_in(json_body())
    mock = current_mock()
    cancelled = mock.lifecycle.cancel(row.id)
    if cancelled is None:
        raise _too_late(row, "cancelled")
    return answer(mock.shapes.validation(cancelled))


def _decided(validation_id: str, outcome: Outcome) -> ResponseReturnValue:
    row = _validation(validation_id)
    reason_in(json_body())
    mock = current_mock()
    decided = mock.lifecycle.decide(row.id, outcome)
    if decided is None:
        raise _too_late(row, outcome.status)
    return answer(mock.shapes.validation(decided))


def _too_late(row: Validation, status: str) -> ApiError:
    return ApiError(400, "INVALID_STATUS", f"A validation that is {row.status} cannot be {status}")


def _validation(validation_id: str) -> Validation:
    row = current_mock().state.validation(validation_id)
    if row is None:
        raise validation_not_found()
    return row
