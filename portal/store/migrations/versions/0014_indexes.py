"""indexes of exactly the queries that there are, on the rows that they look for; settings of PostgreSQL's hot tables"""

from alembic import op
import sqlalchemy as sa

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# (name, table, columns, condition). docs/operating.md has them too, to be made beforehand beside a running portal.
ADDED = [
    ("ix_onboardings_waiting", "onboardings", ["due_at"], "due_at IS NOT NULL"),
    (
        "ix_onboardings_submitted",
        "onboardings",
        ["due_at"],
        "current_validation IS NOT NULL AND due_at IS NOT NULL",
    ),
    ("ix_onboardings_watched", "onboardings", ["watched_at"], "due_at IS NOT NULL"),
    ("ix_onboardings_external_id", "onboardings", ["external_id"], "external_id IS NOT NULL"),
    (
        "ix_onboardings_personal",
        "onboardings",
        ["created_at"],
        "(details_sealed IS NOT NULL OR document_digest IS NOT NULL OR name_digests IS NOT NULL OR submission IS NOT NULL)",
    ),
    ("ix_validations_session", "validations", ["session_id"], "session_id IS NOT NULL"),
    ("ix_events_waiting", "events", ["due_at"], "due_at IS NOT NULL"),
    ("ix_events_waiting_of_partner", "events", ["partner", "due_at"], "due_at IS NOT NULL"),
    ("ix_events_delivered", "events", ["delivered_at"], "delivered_at IS NOT NULL AND due_at IS NULL"),
    ("ix_events_undelivered", "events", ["partner", "created_at"], "delivered_at IS NULL"),
    ("ix_events_created_at", "events", ["created_at"], None),
]
DROPPED = [
    ("ix_onboardings_due_at", "onboardings", ["due_at"], None),
    ("ix_onboardings_submitted_due_at", "onboardings", ["due_at"], "current_validation IS NOT NULL"),
    ("ix_onboardings_lease_until", "onboardings", ["lease_until"], None),
    ("ix_onboardings_watched_at", "onboardings", ["watched_at"], None),
    ("ix_validations_session_id", "validations", ["session_id"], None),
    ("ix_events_due_at", "events", ["due_at"], None),
]
STORAGE = {
    "onboardings": {
        "fillfactor": "85",
        "autovacuum_vacuum_scale_factor": "0.01",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_delay": "1",
    },
    "validations": {
        "fillfactor": "85",
        "autovacuum_vacuum_scale_factor": "0.01",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_delay": "1",
    },
    "events": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"},
    "webhook_deliveries": {"autovacuum_vacuum_scale_factor": "0.02"},
    "idempotency_keys": {"autovacuum_vacuum_scale_factor": "0.02"},
}


def upgrade() -> None:
    op.add_column("onboardings", sa.Column("last_event", sa.Integer(), nullable=False, server_default=sa.text("0")))
    _create(ADDED)
    _drop(DROPPED)
    if _is_postgresql():
        for table, settings in STORAGE.items():
            op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in settings.items())})")


def downgrade() -> None:
    if _is_postgresql():
        for table, settings in STORAGE.items():
            op.execute(f"ALTER TABLE {table} RESET ({', '.join(settings)})")
    _create(DROPPED)
    _drop(ADDED)
    op.drop_column("onboardings", "last_event")


def _create(indexes: list[tuple[str, str, list[str], str | None]]) -> None:
    for name, table, columns, condition in indexes:
        where = sa.text(condition) if condition else None
        op.create_index(name, table, columns, if_not_exists=True, sqlite_where=where, postgresql_where=where)


def _drop(indexes: list[tuple[str, str, list[str], str | None]]) -> None:
    for name, table, _columns, _condition in indexes:
        op.drop_index(name, table, if_exists=True)


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"
