"""the request that last changed an onboarding, so that what follows at gu1 can be found in the log"""

from alembic import op
import sqlalchemy as sa

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("request_id", sa.String()))


def downgrade() -> None:
    op.drop_column("onboardings", "request_id")
