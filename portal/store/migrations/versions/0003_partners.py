"""partners: their customers, the keys of their requests, and what they are told"""

from alembic import op
import sqlalchemy as sa

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NEW_COLUMNS = ("partner", "known_as", "return_url", "state", "capture")


def upgrade() -> None:
    for name in NEW_COLUMNS:
        op.add_column("onboardings", sa.Column(name, sa.String()))
    op.add_column("onboardings", sa.Column("erased_at", MOMENT))
    given_by_partner: sa.Column[bool] = sa.Column("given_by_partner", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("onboardings", given_by_partner)
    op.create_table(
        "customers",
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_customers_onboarding_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner", "external_id", name=op.f("pk_customers")),
    )
    op.create_index(op.f("ix_customers_onboarding_id"), "customers", ["onboarding_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_idempotency_keys_onboarding_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_index(op.f("ix_idempotency_keys_onboarding_id"), "idempotency_keys", ["onboarding_id"])
    op.create_table(
        "events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("lease_until", MOMENT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("delivered_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_events_onboarding_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("onboarding_id", "sequence", name="uq_events_sequence"),
    )
    op.create_index(op.f("ix_events_due_at"), "events", ["due_at"])


def downgrade() -> None:
    for table in ("events", "idempotency_keys", "customers"):
        op.drop_table(table)
    for name in ("given_by_partner", "erased_at", *reversed(NEW_COLUMNS)):
        op.drop_column("onboardings", name)
