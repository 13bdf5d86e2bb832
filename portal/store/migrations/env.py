"""Alembic's entry; the connection comes from `portal.store.database.alembic_config`."""

from typing import Any, Literal

from alembic import context

from portal.store.column_types import UtcDateTime
from portal.store.tables import metadata


def _drafted(_kind: str, item: Any, _draft: object) -> str | Literal[False]:
    """Versions stand for themselves: they name no type of ours, which may change later."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=_drafted,
    on_version_apply=context.config.attributes.get("on_version_apply"),
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
