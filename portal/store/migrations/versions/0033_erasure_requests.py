"""who asks for the own data to be erased"""

from alembic import op
import sqlalchemy as sa

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ASKED = sa.text("erasure_asked_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("erasure_asked_at", sa.DateTime(timezone=True)))
    op.create_index(
        op.f("ix_onboardings_erasure_asked_at"),
        "onboardings",
        ["erasure_asked_at"],
        sqlite_where=ASKED,
        postgresql_where=ASKED,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_onboardings_erasure_asked_at"), "onboardings")
    op.drop_column("onboardings", "erasure_asked_at")
