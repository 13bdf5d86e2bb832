"""how long people waited at a stage, by country, for the words of the pages"""

from alembic import op
import sqlalchemy as sa

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # On PostgreSQL, who made the next migration's index beforehand made these too. SQLite cannot ask.
    asks = op.get_bind().dialect.name == "postgresql"
    op.add_column("history", sa.Column("waited_seconds", sa.Integer()), if_not_exists=asks)
    op.add_column("history", sa.Column("waited_country", sa.String()), if_not_exists=asks)


def downgrade() -> None:
    op.drop_column("history", "waited_country")
    op.drop_column("history", "waited_seconds")
