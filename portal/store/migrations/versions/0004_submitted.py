"""what was submitted, found among many that only wait for somebody to open their link"""

from alembic import op
import sqlalchemy as sa

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SUBMITTED = sa.text("current_validation IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_onboardings_submitted_due_at",
        "onboardings",
        ["due_at"],
        sqlite_where=SUBMITTED,
        postgresql_where=SUBMITTED,
    )


def downgrade() -> None:
    op.drop_index("ix_onboardings_submitted_due_at", "onboardings")
