"""in which language and words a consent was given"""

from alembic import op
import sqlalchemy as sa

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("consent_language", sa.String()))
    op.add_column("onboardings", sa.Column("consent_digest", sa.String()))


def downgrade() -> None:
    op.drop_column("onboardings", "consent_digest")
    op.drop_column("onboardings", "consent_language")
