"""an index on the validations whose hosted page's address is sealed, so that it can be deleted or sealed anew"""

from alembic import op
import sqlalchemy as sa

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SEALED = sa.text("session_url_sealed IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_validations_sealed",
        "validations",
        ["onboarding_id"],
        if_not_exists=True,
        sqlite_where=SEALED,
        postgresql_where=SEALED,
    )


def downgrade() -> None:
    op.drop_index("ix_validations_sealed", "validations", if_exists=True)
