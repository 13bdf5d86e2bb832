"""attempts are counted per person"""

from alembic import op
import sqlalchemy as sa

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COUNTED = sa.text("person IS NOT NULL")


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("person", sa.String()))
    op.add_column("onboardings", sa.Column("earlier_attempts", sa.String()))
    name = op.f("ix_onboardings_person")
    op.create_index(name, "onboardings", ["person"], sqlite_where=COUNTED, postgresql_where=COUNTED)


def downgrade() -> None:
    op.drop_index(op.f("ix_onboardings_person"), "onboardings")
    op.drop_column("onboardings", "earlier_attempts")
    op.drop_column("onboardings", "person")
