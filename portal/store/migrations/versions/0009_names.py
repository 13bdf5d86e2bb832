"""names are compared too: keyed digests, partners that require a comparison, and other people's entities"""

from alembic import op
import sqlalchemy as sa

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

HELD_BEFORE = sa.text("status = 'approved' AND (identity_match = 'mismatch' OR double_check = 'unanswered')")
HELD = sa.text(
    "status = 'approved' AND (identity_match = 'mismatch' OR double_check = 'unanswered'"
    " OR (identity_required AND identity_match = 'unknown'))"
)


def upgrade() -> None:
    for name in ("name_digests", "entity_conflict"):
        op.add_column("onboardings", sa.Column(name, sa.String()))
    op.add_column("validations", sa.Column("identity_basis", sa.String()))
    required: sa.Column[bool] = sa.Column("identity_required", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("validations", required)
    _replace_index(HELD)


def downgrade() -> None:
    _replace_index(HELD_BEFORE)
    op.drop_column("validations", "identity_required")
    op.drop_column("validations", "identity_basis")
    for name in ("entity_conflict", "name_digests"):
        op.drop_column("onboardings", name)


def _replace_index(held: sa.TextClause) -> None:
    op.drop_index("ix_validations_held", "validations")
    op.create_index("ix_validations_held", "validations", ["onboarding_id"], sqlite_where=held, postgresql_where=held)
