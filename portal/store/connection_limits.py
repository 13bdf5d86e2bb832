"""How many connections PostgreSQL has for the portal, against how many the portal's processes may open."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from portal.store.database import reads
from portal.store.database_errors import store_errors
from portal.store.quick_reads import CONNECTIONS

FOR_WAKING = 1
_LIMITS = text("""
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true), '0')::int AS allowed,
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS of_database,
           (SELECT count(DISTINCT application_name) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'portal@%'
               AND pid <> pg_backend_pid()) AS machines
""")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    allowed: int
    """For the portal: the least of what server, role and database allow."""
    machines: int
    """On which processes of the portal are connected now."""


def connection_limits(engine: Engine) -> ConnectionLimits | None:
    """None for SQLite, which has no such limit. Raises `StoreUnavailable`."""
    if engine.dialect.name == "sqlite":
        return None
    with store_errors(engine), reads(engine).connect() as connection:
        row = connection.execute(_LIMITS).one()
    limits = [row.allowed, *(it for it in (row.of_role, row.of_database) if it >= 0)]
    return ConnectionLimits(min(limits), row.machines)


def connections_of_process(pool_size: int) -> int:
    """The most that one worker process opens."""
    return 2 * pool_size + CONNECTIONS + FOR_WAKING
