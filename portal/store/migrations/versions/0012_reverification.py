"""when approvals end, and whom to verify again"""

from alembic import op
import sqlalchemy as sa

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENTS = ("verified_until", "verification_check_at", "reverification_due_at")
CHECKED = sa.text("verification_check_at IS NOT NULL")
DUE = sa.text("reverification_due_at IS NOT NULL")
VERIFIED = sa.text("(verification_check_at IS NOT NULL OR reverification_due_at IS NOT NULL)")
INDEXES = (
    ("ix_onboardings_verification_check_at", ["verification_check_at"], CHECKED),
    ("ix_onboardings_reverification_due_at", ["reverification_due_at"], DUE),
    ("ix_onboardings_verified", ["partner", "external_id"], VERIFIED),
)


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("reverify", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in MOMENTS:
        op.add_column("onboardings", sa.Column(name, sa.DateTime(timezone=True)))
    for name, columns, condition in INDEXES:
        op.create_index(name, "onboardings", columns, sqlite_where=condition, postgresql_where=condition)
    # Customers who were approved before are watched from now on.
    op.execute(
        "UPDATE onboardings SET verification_check_at = CURRENT_TIMESTAMP"
        " WHERE external_id IS NOT NULL AND stopped_at IS NULL AND erased_at IS NULL"
        " AND (verified_before_at IS NOT NULL OR EXISTS (SELECT 1 FROM validations"
        " WHERE onboarding_id = onboardings.id AND number = current_validation AND status = 'approved'))"
    )


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(name, "onboardings")
    for name in ("reverify", *MOMENTS):
        op.drop_column("onboardings", name)
