"""Forged webhooks, each made from a genuine one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from e2e.bench.load import WebhookRequest
from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.envelopes import signature
from e2e.servers import WEBHOOK_SECRET

Forge = Callable[[WebhookRequest, WebhookRequest], WebhookRequest]
"""Makes a forgery from two genuine webhooks."""


def forged(genuine: Sequence[WebhookRequest], wanted: int, chance: random.Random) -> list[WebhookRequest]:
    return [chance.choice(FORGERIES)(*chance.sample(genuine, 2)) for _ in range(wanted)]


def _signed(body: bytes, value: str, header: str = SIGNATURE_HEADER) -> WebhookRequest:
    return WebhookRequest(body, {header: value})


def _seal(request: WebhookRequest) -> str:
    return request.headers[SIGNATURE_HEADER]


def _with_other_verdict(body: bytes) -> bytes:
    """Changes the status of the row, in any envelope."""
    changed = body.replace(b'"rejected"', b'"approved"').replace(b"kyc.validation_rejected", b"kyc.validation_approved")
    return changed if changed != body else body.replace(b'"status": "', b'"status": "approved", "was": "')


FORGERIES: tuple[Forge, ...] = (
    lambda it, _: WebhookRequest(it.body, {}),
    lambda it, _: _signed(it.body, ""),
    lambda it, _: _signed(it.body, "0" * 64),
    lambda it, _: _signed(it.body, "sha256=" + "g" * 64),
    lambda it, other: _signed(it.body, _seal(other)),
    lambda it, _: _signed(it.body, _seal(it)[:-1]),
    lambda it, _: _signed(it.body, _seal(it) + "0"),
    lambda it, _: _signed(it.body, f"{_seal(it)}, {_seal(it)}"),
    lambda it, _: _signed(it.body, _seal(it)[::-1].upper(), SIGNATURE_HEADER.upper()),
    lambda it, _: _signed(it.body, _seal(it), "X-Hub-Signature-256"),
    lambda it, _: _signed(it.body, signature(f"{WEBHOOK_SECRET}-of-somebody-else", it.body)),
    lambda it, _: _signed(it.body, signature("", it.body)),
    lambda it, _: _signed(_with_other_verdict(it.body), _seal(it)),
    lambda it, _: _signed(it.body + b" ", _seal(it)),
    lambda it, _: _signed(it.body[: len(it.body) // 2], _seal(it)),
    lambda it, _: _signed(b"", _seal(it)),
)
"""No signature; a wrong, cut or doubled one; in another header; of another body; with another secret."""
