"""Writes a partners file for tests, with new secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.partners.registry import hash_of_key, new_key, new_signing_secret


@dataclass(frozen=True)
class RegisteredPartner:
    """A partner with its API key (the registry stores a hash) and its signing secret."""

    slug: str
    site: str
    """Its origin."""
    notify_url: str
    api_key: str = field(default_factory=new_key)
    signing_secret: str = field(default_factory=new_signing_secret)
    settings: dict[str, Any] = field(default_factory=dict)
    """More TOML lines of its section."""

    @property
    def stanza(self) -> str:
        lines = {
            "name": "Banco Ejemplo",
            "origins": [self.site],
            "return_urls": [f"{self.site}/done"],
            "api_keys": [hash_of_key(self.api_key)],
            "signing_secrets": [self.signing_secret],
            "notify_url": self.notify_url,
            "prefix_external_ids": True,
            **self.settings,
        }
        # TOML reads JSON's strings, numbers and lists.
        return "".join(
            (
                f"[partners.{self.slug}]\n",
                *(f"{key} = {json.dumps(it, ensure_ascii=False)}\n" for key, it in lines.items()),
            )
        )


def write_partners_file(path: Path, *partners: RegisteredPartner) -> dict[str, str]:
    """Returns the settings that the portal then needs."""
    path.write_text("\n".join(partner.stanza for partner in partners), encoding="utf-8")
    return {"PORTAL_PARTNERS_FILE": str(path)}
