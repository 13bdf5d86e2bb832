"""What a reload changed, by name and never by value: the log then says when keys and partners changed."""

from __future__ import annotations

from collections.abc import Iterator

from portal.config import FIELDS, Config
from portal.partners.registry import Partner, Registry

Read = tuple[Config, Registry]


def changes_between(old: Read, new: Read) -> str:
    (old_config, old_registry), (new_config, new_registry) = old, new
    settings = [name for name, field in FIELDS.items() if getattr(old_config, field) != getattr(new_config, field)]
    return ", ".join([*settings, *_of_partners(old_registry, new_registry)]) or "nothing changed"


def _of_partners(old: Registry, new: Registry) -> Iterator[str]:
    for slug in sorted({*old.partners, *new.partners}):
        before, after = old.get(slug), new.get(slug)
        if before is None or after is None:
            yield f"partner {slug} {'removed' if before else 'added'}"
        elif changed := [name for name in Partner.model_fields if getattr(before, name) != getattr(after, name)]:
            yield f"partner {slug}: {' and '.join(changed)}"
