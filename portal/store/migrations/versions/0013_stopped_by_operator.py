"""whether an operator stopped an onboarding, or its applicant"""

from alembic import op
import sqlalchemy as sa

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    flag: sa.Column[bool] = sa.Column("stopped_by_operator", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("onboardings", flag)


def downgrade() -> None:
    op.drop_column("onboardings", "stopped_by_operator")
