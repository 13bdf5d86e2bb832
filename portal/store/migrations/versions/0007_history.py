"""operators: the history of each onboarding, what they decided, and what waits for them"""

from alembic import op
import sqlalchemy as sa

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
FAILING = sa.text("(failures > 0 OR trouble IS NOT NULL)")
HELD = sa.text("status = 'approved' AND (identity_match = 'mismatch' OR double_check = 'unanswered')")
WITHOUT_PAGE = sa.text("status = 'pending' AND sending = 'adopted' AND session_url_sealed IS NULL")


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
    op.add_column("onboardings", sa.Column("allowed_attempt", sa.Integer()))
    op.add_column("validations", sa.Column("operator_decision", sa.String()))
    op.create_index("ix_onboardings_failing", "onboardings", ["id"], sqlite_where=FAILING, postgresql_where=FAILING)
    op.create_index("ix_validations_held", "validations", ["onboarding_id"], sqlite_where=HELD, postgresql_where=HELD)
    op.create_index(
        "ix_validations_without_page",
        "validations",
        ["onboarding_id"],
        sqlite_where=WITHOUT_PAGE,
        postgresql_where=WITHOUT_PAGE,
    )


def downgrade() -> None:
    op.drop_index("ix_validations_without_page", "validations")
    op.drop_index("ix_validations_held", "validations")
    op.drop_index("ix_onboardings_failing", "onboardings")
    op.drop_column("validations", "operator_decision")
    op.drop_column("onboardings", "allowed_attempt")
    op.drop_table("history")
