"""What a page that embeds the portal has to allow, and nothing more."""

from __future__ import annotations


def headers(portal: str, provider: str, *, for_camera: bool = True) -> dict[str, str]:
    """`portal` and `provider`: origins. `for_camera`: with a Permissions-Policy, which no site needs to have."""
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' {portal}",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {portal}",
        # The capture page takes the portal's place in the frame.
        "frame-src": f"{portal} {provider}",
        # The form's answer is a redirect to the portal, and browsers look at where that ends.
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
