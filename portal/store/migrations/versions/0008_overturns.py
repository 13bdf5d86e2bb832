"""verdicts that gu1 changes: who decided, which attempt counts, and entities that gu1 lost"""

from alembic import op
import sqlalchemy as sa

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("lost_entity_id", sa.String()))
    op.add_column("onboardings", sa.Column("attempts_opened", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("onboardings", sa.Column("recheck_at", sa.DateTime(timezone=True)))
    for name in ("was_in_review", "was_approved"):
        flag: sa.Column[bool] = sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column("validations", flag)
    op.add_column("validations", sa.Column("decided_by", sa.String()))
    op.execute("UPDATE validations SET was_approved = true WHERE status = 'approved'")
    op.execute("UPDATE validations SET was_in_review = true WHERE status = 'in_review'")


def downgrade() -> None:
    for name in ("decided_by", "was_approved", "was_in_review"):
        op.drop_column("validations", name)
    for name in ("recheck_at", "attempts_opened", "lost_entity_id"):
        op.drop_column("onboardings", name)
