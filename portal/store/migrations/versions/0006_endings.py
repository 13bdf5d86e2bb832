"""outages of the registry, which are no attempts of the applicant's, and restarts of abandoned validations"""

from alembic import op
import sqlalchemy as sa

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("outages", "outages_in_row"):
        op.add_column("onboardings", sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0")))
    for name in ("restart_asked_at", "restart_refused_at"):
        op.add_column("validations", sa.Column(name, sa.DateTime(timezone=True)))


def downgrade() -> None:
    for name in ("restart_refused_at", "restart_asked_at"):
        op.drop_column("validations", name)
    for name in ("outages_in_row", "outages"):
        op.drop_column("onboardings", name)
