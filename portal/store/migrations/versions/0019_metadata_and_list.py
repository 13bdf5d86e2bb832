"""what a partner notes of its customer's onboarding, and an index for the list of a partner's onboardings"""

from alembic import op
import sqlalchemy as sa

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_OF_PARTNER = sa.text("partner IS NOT NULL")


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("metadata", sa.String()))
    op.create_index(
        "ix_onboardings_of_partner",
        "onboardings",
        ["partner", "created_at", "id"],
        if_not_exists=True,
        sqlite_where=_OF_PARTNER,
        postgresql_where=_OF_PARTNER,
    )


def downgrade() -> None:
    op.drop_index("ix_onboardings_of_partner", "onboardings", if_exists=True)
    op.drop_column("onboardings", "metadata")
