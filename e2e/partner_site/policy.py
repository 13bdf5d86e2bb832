"""The least that a page must allow to embed the portal."""

from __future__ import annotations


def headers(portal: str, provider: str, *, for_camera: bool = True) -> dict[str, str]:
    """`portal` and `provider` are origins. `for_camera` adds a Permissions-Policy, which is optional."""
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' {portal}",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {portal}",
        # The hosted page replaces the portal's page in the frame.
        "frame-src": f"{portal} {provider}",
        # The form redirects to the portal, and browsers check the target of the redirect.
        "form-action": f"'self' {portal}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    allowed = {
        "Permissions-Policy": ", ".join(f'{it}=(self "{portal}" "{provider}")' for it in ("camera", "microphone"))
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        **(allowed if for_camera else {}),
    }
