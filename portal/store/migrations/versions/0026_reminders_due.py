"""an index to find what falls due by time alone"""

from alembic import op
import sqlalchemy as sa

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

REMINDED = sa.text("reminder_due_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        op.f("ix_onboardings_reminder_due_at"),
        "onboardings",
        ["reminder_due_at"],
        if_not_exists=True,
        sqlite_where=REMINDED,
        postgresql_where=REMINDED,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_onboardings_reminder_due_at"), "onboardings", if_exists=True)
