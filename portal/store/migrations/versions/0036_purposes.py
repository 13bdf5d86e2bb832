"""several onboardings of a customer, one for each purpose"""

from alembic import op
import sqlalchemy as sa

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("purpose", sa.String()))
    # Beside `customers`, because the release before this one needs that as it is.
    op.create_table(
        "customer_purposes",
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_customer_purposes_onboarding_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner", "external_id", "purpose", name=op.f("pk_customer_purposes")),
    )
    op.create_index(op.f("ix_customer_purposes_onboarding_id"), "customer_purposes", ["onboarding_id"])


def downgrade() -> None:
    op.drop_table("customer_purposes")
    op.drop_column("onboardings", "purpose")
