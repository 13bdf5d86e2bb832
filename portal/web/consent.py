"""Which wording of the consent people agree to; raised whenever the wording changes."""

CONSENT_VERSION = "2026-11"
