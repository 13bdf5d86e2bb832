"""how long people waited at a stage, by country, for the words of the pages"""

from alembic import op
import sqlalchemy as sa

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("history", sa.Column("waited_seconds", sa.Integer()))
    op.add_column("history", sa.Column("waited_country", sa.String()))


def downgrade() -> None:
    op.drop_column("history", "waited_country")
    op.drop_column("history", "waited_seconds")
