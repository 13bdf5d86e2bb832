"""A registry for tests: `shop` and `bank` are on, `gone` is off."""

from __future__ import annotations

from pathlib import Path

from portal.partners.registry import KEY_PREFIX, hash_of_key, new_signing_secret

KEYS = {slug: f"{KEY_PREFIX}{slug:-<43}" for slug in ("shop", "bank", "gone")}
"""The same in every process, because tests are named by them."""
RETURN_URL = "https://shop.example/done"

_SETTINGS = {
    "shop": f'return_urls = ["{RETURN_URL}"]\nlocale = "pt-BR"\nnotify_url = "https://shop.example/news"',
    "bank": "prefix_external_ids = true",
    "gone": "enabled = false\nprefix_external_ids = true",
}


def partners_file(folder: Path, **more: str) -> Path:
    """`more`: further lines of TOML by slug."""
    path = folder / "partners.toml"
    path.write_text("\n".join(_stanza(slug, more.get(slug, "")) for slug in KEYS))
    return path


def _stanza(slug: str, more: str) -> str:
    return f"""
[partners.{slug}]
name = "The {slug}"
api_keys = ["{hash_of_key(KEYS[slug])}"]
signing_secrets = ["{new_signing_secret()}"]
{_SETTINGS[slug]}
{more}
"""
