"""new access links: each ends the one before"""

from alembic import op
import sqlalchemy as sa

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    generation: sa.Column[int] = sa.Column("link_generation", sa.Integer(), nullable=False, server_default=sa.text("0"))
    op.add_column("onboardings", generation)
    op.add_column("onboardings", sa.Column("link_issued_at", sa.DateTime(timezone=True)))
    op.add_column("onboardings", sa.Column("link_expires_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("onboardings", "link_expires_at")
    op.drop_column("onboardings", "link_issued_at")
    op.drop_column("onboardings", "link_generation")
