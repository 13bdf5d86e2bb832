"""onboardings, validations, webhook deliveries and budgets"""

from alembic import op
import sqlalchemy as sa

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "onboardings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("external_id", sa.String()),
        sa.Column("country", sa.String()),
        sa.Column("submission", sa.String()),
        sa.Column("details_sealed", sa.LargeBinary()),
        sa.Column("document_digest", sa.String()),
        sa.Column("consent_version", sa.String()),
        sa.Column("consent_given_at", sa.DateTime(timezone=True)),
        sa.Column("entity_id", sa.String()),
        sa.Column("verified_before_at", sa.DateTime(timezone=True)),
        sa.Column("watched_at", sa.DateTime(timezone=True)),
        sa.Column("current_validation", sa.Integer()),
        sa.Column("trouble", sa.String()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "trouble IN ('unavailable', 'refused', 'details_refused', 'session_url_refused')",
            name=op.f("ck_onboardings_trouble"),
        ),
        sa.CheckConstraint(
            "(consent_version IS NULL) = (consent_given_at IS NULL)", name=op.f("ck_onboardings_consent")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboardings")),
    )
    op.create_index(op.f("ix_onboardings_due_at"), "onboardings", ["due_at"])
    op.create_index(op.f("ix_onboardings_lease_until"), "onboardings", ["lease_until"])
    op.create_index(op.f("ix_onboardings_watched_at"), "onboardings", ["watched_at"])
    op.create_index(op.f("ix_onboardings_submission"), "onboardings", ["submission"], unique=True)

    op.create_table(
        "webhook_deliveries",
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("body_sha256", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(op.f("ix_webhook_deliveries_received_at"), "webhook_deliveries", ["received_at"])

    op.create_table(
        "validations",
        sa.Column("onboarding_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("sending", sa.String(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("empty_looks", sa.Integer(), nullable=False),
        sa.Column("gu1_id", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("session_url_sealed", sa.LargeBinary()),
        sa.Column("session_id", sa.String()),
        sa.Column("shown_at", sa.DateTime(timezone=True)),
        sa.Column("double_check", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("identity_match", sa.String(), nullable=False),
        sa.Column("gu1_updated_at", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refreshes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "double_check IN ('not_asked', 'unanswered', 'answered')", name=op.f("ck_validations_double_check")
        ),
        sa.CheckConstraint(
            "identity_match IN ('unknown', 'match', 'mismatch')", name=op.f("ck_validations_identity_match")
        ),
        sa.CheckConstraint(
            "reason IN ("
            "'registry_document_missing', 'registry_gender_missing', 'registry_unavailable', "
            "'registry_document_mismatch', 'registry_card_data_missing', 'registry_card_outdated', "
            "'document_unreadable', 'document_expired', 'document_unsupported', "
            "'document_authenticity', 'document_data_mismatch', 'face_mismatch', 'liveness_failed', "
            "'face_unclear', 'underage', 'not_eligible', 'unspecified')",
            name=op.f("ck_validations_reason"),
        ),
        sa.CheckConstraint("sending IN ('planned', 'sent', 'adopted')", name=op.f("ck_validations_sending")),
        sa.CheckConstraint(
            "status IN ("
            "'pending', 'in_progress', 'in_review', 'approved', 'rejected', 'expired', 'abandoned', "
            "'cancelled', 'unknown')",
            name=op.f("ck_validations_status"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_validations_number")),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_validations_onboarding_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("onboarding_id", "number", name=op.f("pk_validations")),
    )
    op.create_index(op.f("ix_validations_gu1_id"), "validations", ["gu1_id"], unique=True)
    op.create_index(op.f("ix_validations_session_id"), "validations", ["session_id"])
    op.create_index(op.f("ix_validations_nonce"), "validations", ["nonce"], unique=True)

    op.create_table(
        "budgets",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", name=op.f("pk_budgets")),
    )


def downgrade() -> None:
    op.drop_table("budgets")
    op.drop_table("validations")
    op.drop_table("webhook_deliveries")
    op.drop_table("onboardings")
