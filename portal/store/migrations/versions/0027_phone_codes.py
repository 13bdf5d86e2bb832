"""short addresses for the code that a phone scans"""

from alembic import op
import sqlalchemy as sa

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("phone_joined_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "phone_codes",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["onboarding_id"],
            ["onboardings.id"],
            name=op.f("fk_phone_codes_onboarding_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_phone_codes")),
    )
    op.create_index(op.f("ix_phone_codes_onboarding_id"), "phone_codes", ["onboarding_id"])


def downgrade() -> None:
    op.drop_table("phone_codes")
    op.drop_column("onboardings", "phone_joined_at")
