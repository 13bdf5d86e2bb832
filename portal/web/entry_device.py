"""How this device got the access link. Every URL carries it, because there is no cookie or session."""

from __future__ import annotations

from flask import request

QR = "qr"


def entry_device() -> str | None:
    return QR if request.args.get("via") == QR else None
