"""onboardings about which no mails are sent any more"""

from alembic import op
import sqlalchemy as sa

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_stops",
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("onboarding_id", name=op.f("pk_mail_stops")),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_mail_stops_onboarding_id"), ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("mail_stops")
