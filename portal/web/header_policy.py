"""The headers that protect an answer, as data: for each kind of answer, what a browser may do with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

NOBODY = "'none'"


class Kind(Enum):
    """Its value is the Content-Security-Policy."""

    PAGE = {  # noqa: RUF012, never changed: `init_security` copies it
        "default-src": NOBODY,
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": NOBODY,
        "base-uri": NOBODY,
        # Text becomes markup only through the policy of this name, in static/trusted-types.js.
        "require-trusted-types-for": "'script'",
        "trusted-types": "default",
    }
    DATA = {  # noqa: RUF012
        "default-src": NOBODY,
        "form-action": NOBODY,
        "frame-ancestors": NOBODY,
        "base-uri": NOBODY,
        "sandbox": "",
    }
    """JSON, pictures, scripts and texts: opened as a document, they can do nothing."""


def kind_of(mimetype: str | None) -> Kind:
    return Kind.PAGE if mimetype == "text/html" else Kind.DATA


PERMISSIONS = ("camera", "microphone", "geolocation", "payment", "usb", "browsing-topics")
"""Features that no answer may use, unless a frame on it needs the camera."""
ALWAYS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
ONE_YEAR = 31_536_000


def transport_security(*, subdomains: bool) -> str:
    """For https only. With `subdomains`, no name below the portal's works over http any more."""
    return f"max-age={ONE_YEAR}" + ("; includeSubDomains" if subdomains else "")


def always(base_url: str, *, hsts_subdomains: bool) -> dict[str, str]:
    """The headers that answers of every kind have."""
    if not base_url.startswith("https:"):
        return ALWAYS
    return {**ALWAYS, "Strict-Transport-Security": transport_security(subdomains=hsts_subdomains)}


def policies(
    kind: Mapping[str, str], ancestors: Collection[str] = (), permitted: Mapping[str, list[str]] | None = None
) -> dict[str, str]:
    """The headers that differ between answers. `ancestors` are those that may frame it."""
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}".strip() for name, value in kind.items()),
        "Permissions-Policy": _permissions(permitted or {}),
        **_frame_options(set(ancestors)),
    }


def _permissions(permitted: Mapping[str, list[str]]) -> str:
    origins = {feature: permitted.get(feature, []) for feature in PERMISSIONS}
    lists = {feature: "*" if "*" in it else f"({' '.join(dict.fromkeys(it))})" for feature, it in origins.items()}
    return ", ".join(f"{feature}={it}" for feature, it in lists.items())


def _frame_options(ancestors: set[str]) -> dict[str, str]:
    """For browsers without frame-ancestors. X-Frame-Options cannot name a list of origins, so it is left out then."""
    if not ancestors:
        return {"X-Frame-Options": "DENY"}
    return {"X-Frame-Options": "SAMEORIGIN"} if ancestors == {"'self'"} else {}
