"""an index to find the newest waits of a stage and country"""

from alembic import op
import sqlalchemy as sa

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

WAITED = sa.text("waited_seconds IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_history_waits",
        "history",
        ["old_stage", "waited_country", "at"],
        if_not_exists=True,
        sqlite_where=WAITED,
        postgresql_where=WAITED,
    )


def downgrade() -> None:
    op.drop_index("ix_history_waits", "history", if_exists=True)
