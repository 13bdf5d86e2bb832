"""how often a partner gave another document number than its customer's"""

from alembic import op
import sqlalchemy as sa

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    count: sa.Column[int] = sa.Column("other_numbers", sa.Integer(), nullable=False, server_default=sa.text("0"))
    op.add_column("onboardings", count)


def downgrade() -> None:
    op.drop_column("onboardings", "other_numbers")
