"""what falls due by time alone: photos that were left, links that are about to end, links that ended"""

from alembic import op
import sqlalchemy as sa

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = ("reminder_due_at", "photos_reminded_at", "expiry_reminded_at", "lapsed_at")


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("onboardings", sa.Column(column, sa.DateTime(timezone=True)))
    op.add_column("events", sa.Column("type", sa.String()))


def downgrade() -> None:
    op.drop_column("events", "type")
    for column in reversed(COLUMNS):
        op.drop_column("onboardings", column)
