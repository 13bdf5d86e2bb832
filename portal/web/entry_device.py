"""How this device came by the access link. Each address keeps it, for there is nowhere else to keep it."""

from __future__ import annotations

from flask import request

QR = "qr"


def entry_device() -> str | None:
    return QR if request.args.get("via") == QR else None
