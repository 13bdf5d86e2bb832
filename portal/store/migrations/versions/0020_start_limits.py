"""counts of starts, and whose turn it is"""

from alembic import op
import sqlalchemy as sa

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

CALM = "current_validation IS NOT NULL AND due_at IS NOT NULL AND turn = 0"
FLOOD = "turn > 0 AND due_at IS NOT NULL"
SUBMITTED = "current_validation IS NOT NULL AND due_at IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "start_counters",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_start_counters")),
    )
    op.create_index(op.f("ix_start_counters_ends_at"), "start_counters", ["ends_at"])
    op.add_column("onboardings", sa.Column("turn", sa.Integer(), nullable=False, server_default=sa.text("0")))
    _create("ix_onboardings_calm", ["due_at"], CALM)
    _create("ix_onboardings_flood", ["turn", "due_at"], FLOOD)
    op.drop_index("ix_onboardings_submitted", "onboardings", if_exists=True)


def downgrade() -> None:
    _create("ix_onboardings_submitted", ["due_at"], SUBMITTED)
    op.drop_index("ix_onboardings_flood", "onboardings", if_exists=True)
    op.drop_index("ix_onboardings_calm", "onboardings", if_exists=True)
    op.drop_column("onboardings", "turn")
    op.drop_table("start_counters")


def _create(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "onboardings", columns, if_not_exists=True, sqlite_where=where, postgresql_where=where)
