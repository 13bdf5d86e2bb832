"""a history of the whole installation"""

from alembic import op
import sqlalchemy as sa

from portal.store.column_types import UtcDateTime

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("details", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation_history")),
    )
    op.create_index(op.f("ix_installation_history_at"), "installation_history", ["at"])


def downgrade() -> None:
    op.drop_table("installation_history")
