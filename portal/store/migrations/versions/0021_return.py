"""when a person came back from the hosted page, so that nobody is told to leave before the photos are done"""

from alembic import op
import sqlalchemy as sa

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("validations", sa.Column("returned_at", sa.DateTime(timezone=True)))
    # Whoever was there before this release is not asked whether the photos are done.
    # Only of open sessions is it ever read; the others may be millions.
    op.execute(
        "UPDATE validations SET returned_at = shown_at"
        " WHERE shown_at IS NOT NULL AND status IN ('pending', 'in_progress')"
    )


def downgrade() -> None:
    op.drop_column("validations", "returned_at")
