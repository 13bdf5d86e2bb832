"""document numbers that are given once more because the verified document has another one"""

from alembic import op
import sqlalchemy as sa

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_own: sa.Column[bool] = sa.Column("entity_is_own", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("onboardings", is_own)
    op.add_column("onboardings", sa.Column("correction", sa.String()))
    op.add_column("onboardings", sa.Column("set_aside", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("validations", sa.Column("verified_digest", sa.String()))


def downgrade() -> None:
    op.drop_column("validations", "verified_digest")
    for name in ("set_aside", "correction", "entity_is_own"):
        op.drop_column("onboardings", name)
