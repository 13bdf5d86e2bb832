"""an index to find what falls due by time alone, and a first look at what is open"""

from datetime import UTC, datetime, timedelta

from alembic import op
import sqlalchemy as sa

from portal.store.column_types import UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

LIFETIME = timedelta(days=30)
REMINDED = sa.text("reminder_due_at IS NOT NULL")
ONBOARDINGS = sa.table(
    "onboardings",
    *(sa.column(name, UtcDateTime()) for name in ("created_at", "updated_at", "stopped_at", "reminder_due_at")),
)


def upgrade() -> None:
    op.create_index(
        op.f("ix_onboardings_reminder_due_at"),
        "onboardings",
        ["reminder_due_at"],
        if_not_exists=True,
        sqlite_where=REMINDED,
        postgresql_where=REMINDED,
    )
    # The runner then finds out what is due of them, a slice at a time. Older ones are over.
    it = ONBOARDINGS.c
    is_open = sa.and_(it.created_at > datetime.now(UTC) - LIFETIME, it.stopped_at.is_(None))
    op.execute(sa.update(ONBOARDINGS).where(is_open).values(reminder_due_at=it.updated_at))


def downgrade() -> None:
    op.drop_index(op.f("ix_onboardings_reminder_due_at"), "onboardings", if_exists=True)
