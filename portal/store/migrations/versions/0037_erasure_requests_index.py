"""an index to find who waits for the own data to be erased"""

from alembic import op
import sqlalchemy as sa

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

ASKED = sa.text("erasure_asked_at IS NOT NULL AND erased_at IS NULL")


def upgrade() -> None:
    op.create_index(
        op.f("ix_onboardings_erasure_asked_at"),
        "onboardings",
        ["erasure_asked_at"],
        if_not_exists=True,
        sqlite_where=ASKED,
        postgresql_where=ASKED,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_onboardings_erasure_asked_at"), "onboardings", if_exists=True)
