"""the history of each onboarding: who changed what, and why"""

from alembic import op
import sqlalchemy as sa

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("operator", sa.String()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("old_status", sa.String()),
        sa.Column("old_stage", sa.String()),
        sa.Column("new_status", sa.String(), nullable=False),
        sa.Column("new_stage", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("note", sa.String()),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_history_onboarding_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index(op.f("ix_history_onboarding_id"), "history", ["onboarding_id"])


def downgrade() -> None:
    op.drop_table("history")
