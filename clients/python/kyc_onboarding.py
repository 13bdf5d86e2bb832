"""The onboarding portal's API for a partner's backend: create, read and verify."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

FRESH_SECONDS = 300


class PortalError(Exception):
    """An answer of the API that is no success; `code` is the word to program by."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail") or f"HTTP {status}")
        self.status = status
        self.problem = problem
        self.code: str | None = problem.get("code")


class KycPortal:
    def __init__(
        self, url: str, key: str, secrets: Sequence[str] = (), *, transport: httpx.BaseTransport | None = None
    ) -> None:
        """`secrets`: the signing secrets, two while one is being replaced."""
        self._secrets = secrets
        headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=15, transport=transport)

    def create(self, external_id: str, *, idempotency_key: str | None = None, **fields: Any) -> dict[str, Any]:
        """The started onboarding, with the customer's `url`; or the customer's open one."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = {"external_id": external_id, **fields}
        return _answered(self.http.post("/api/v1/onboardings", json=body, headers=headers))

    def read(self, onboarding_id: str) -> dict[str, Any]:
        """The truth, whatever came back with the customer."""
        return _answered(self.http.get(f"/api/v1/onboardings/{onboarding_id}"))

    def notification(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """A notification, if it is the portal's; raises `WebhookVerificationError` otherwise."""
        named = {name.lower(): value for name, value in headers.items()}
        fault = WebhookVerificationError("no signing secrets")
        for secret in self._secrets:
            try:
                found: dict[str, Any] = Webhook(secret).verify(body, named)
            except WebhookVerificationError as error:
                fault = error
            else:
                return found
        raise fault

    def returned(self, url: str) -> dict[str, str] | None:
        """What came with the customer, if it is signed and fresh. `url`: as it was asked for, or its query."""
        query = url.partition("?")[2] if url.startswith(("/", "http://", "https://")) else url
        signed, _, signature = query.rpartition("&signature=")
        right = (hmac.digest(it.encode(), signed.encode(), "sha256").hex() for it in self._secrets)
        if not any(hmac.compare_digest(it.encode(), signature.encode()) for it in right):
            return None
        result = dict(parse_qsl(signed, keep_blank_values=True))
        is_fresh = abs(time.time() - int(result.get("t", 0))) < FRESH_SECONDS
        return result if is_fresh else None


def _answered(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        found: dict[str, Any] = answer.json()
        return found
    is_problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    raise PortalError(answer.status_code, answer.json() if is_problem else {})
