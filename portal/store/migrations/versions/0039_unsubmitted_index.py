"""an index of the few onboardings that somebody looks at before anything was submitted, for each claim"""

from alembic import op
import sqlalchemy as sa

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

INDEX = "ix_onboardings_unsubmitted"
CONDITION = sa.text("current_validation IS NULL AND due_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        INDEX,
        "onboardings",
        ["watched_at"],
        if_not_exists=True,
        sqlite_where=CONDITION,
        postgresql_where=CONDITION,
    )


def downgrade() -> None:
    op.drop_index(INDEX, "onboardings", if_exists=True)
