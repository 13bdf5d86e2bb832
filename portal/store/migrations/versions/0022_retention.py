"""how many onboardings were deleted, and an index to find those that are over"""

from alembic import op
import sqlalchemy as sa

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

OVER = sa.text("due_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "purged_onboardings",
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "status", name=op.f("pk_purged_onboardings")),
    )
    op.create_index(
        "ix_onboardings_over",
        "onboardings",
        ["created_at"],
        if_not_exists=True,
        sqlite_where=OVER,
        postgresql_where=OVER,
    )


def downgrade() -> None:
    op.drop_index("ix_onboardings_over", "onboardings", if_exists=True)
    op.drop_table("purged_onboardings")
