"""when gu1 is looked through for twins, and the onboardings of an entity"""

from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("sweep_at", sa.DateTime(timezone=True)))
    op.create_index(op.f("ix_onboardings_entity_id"), "onboardings", ["entity_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_onboardings_entity_id"), "onboardings")
    op.drop_column("onboardings", "sweep_at")
