"""who asks for the own data to be erased"""

from alembic import op
import sqlalchemy as sa

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # On PostgreSQL, who made the index of 0037 beforehand made this too. SQLite cannot ask.
    asks = op.get_bind().dialect.name == "postgresql"
    op.add_column("onboardings", sa.Column("erasure_asked_at", sa.DateTime(timezone=True)), if_not_exists=asks)


def downgrade() -> None:
    op.drop_column("onboardings", "erasure_asked_at")
