"""which addresses serve this database, and a first look at what the previous release creates meanwhile"""

from alembic import op
import sqlalchemy as sa

from portal.store.column_types import UtcDateTime

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "served_addresses",
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("base_url", name=op.f("pk_served_addresses")),
    )
    # A release that does not know the column leaves it out, and the runner then looks what falls due by time alone.
    # SQLite is one machine's, on which no two releases run, and could only do it by copying the table.
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("onboardings", "reminder_due_at", server_default=sa.func.now())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("onboardings", "reminder_due_at", server_default=None)
    op.drop_table("served_addresses")
