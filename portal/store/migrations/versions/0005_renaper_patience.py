"""whether gu1 took up RENAPER's double check, since when an approval waits for it, and when the waiting ended"""

from alembic import op
import sqlalchemy as sa

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    taken_up: sa.Column[bool] = sa.Column(
        "double_check_taken_up", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("validations", taken_up)
    op.add_column("validations", sa.Column("confirming_since", MOMENT))
    op.add_column("validations", sa.Column("patience_ended_at", MOMENT))


def downgrade() -> None:
    for name in ("patience_ended_at", "confirming_since", "double_check_taken_up"):
        op.drop_column("validations", name)
