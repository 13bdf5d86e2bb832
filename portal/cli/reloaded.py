"""What a reload changed, by name and never by value: log and history then say when keys and partners changed."""

from __future__ import annotations

from collections.abc import Iterator

from portal.config import FIELDS, SECRETS, Config
from portal.domain.installation_change import InstallationChange, in_short
from portal.partners.registry import Partner, Registry

Read = tuple[Config, Registry]


def changes_between(old: Read, new: Read) -> str:
    return ", ".join([*_of_settings(old[0], new[0]), *_of_partners(old[1], new[1])]) or "nothing changed"


def entries_of(old: Read, new: Read) -> Iterator[tuple[InstallationChange, str]]:
    """For the history: one for each kind of what changed, with its names."""
    settings = [*_of_settings(old[0], new[0])]
    found = {
        InstallationChange.KEYS_CHANGED: [name for name in settings if name in SECRETS],
        InstallationChange.SETTINGS_CHANGED: [name for name in settings if name not in SECRETS],
        InstallationChange.PARTNERS_CHANGED: [*_of_partners(old[1], new[1])],
    }
    return ((what, in_short(names)) for what, names in found.items() if names)


def _of_settings(old: Config, new: Config) -> Iterator[str]:
    return (name for name, field in FIELDS.items() if getattr(old, field) != getattr(new, field))


def _of_partners(old: Registry, new: Registry) -> Iterator[str]:
    for slug in sorted({*old.partners, *new.partners}):
        before, after = old.get(slug), new.get(slug)
        if before is None or after is None:
            yield f"partner {slug} {'removed' if before else 'added'}"
        elif changed := [name for name in Partner.model_fields if getattr(before, name) != getattr(after, name)]:
            yield f"partner {slug}: {' and '.join(changed)}"
