"""a first look at what is open: what falls due of it by time alone?"""

from datetime import UTC, datetime, timedelta

from alembic import op
import sqlalchemy as sa

from portal.store.column_types import UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

LIFETIME = timedelta(days=30)
ONBOARDINGS = sa.table(
    "onboardings",
    *(sa.column(name, UtcDateTime()) for name in ("created_at", "updated_at", "stopped_at", "reminder_due_at")),
)


def upgrade() -> None:
    """Apart from the index, which would keep every writer out until this has ended."""
    # The runner finds out what is due of them, a slice at a time. Older ones are over.
    it = ONBOARDINGS.c
    is_open = sa.and_(it.created_at > datetime.now(UTC) - LIFETIME, it.stopped_at.is_(None))
    is_new_to_it = sa.and_(is_open, it.reminder_due_at.is_(None))
    op.execute(sa.update(ONBOARDINGS).where(is_new_to_it).values(reminder_due_at=it.updated_at))


def downgrade() -> None:
    pass
