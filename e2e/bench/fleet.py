"""Replicas of the portal on one database, and the mock gu1: real processes, for benches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from e2e import judge
from e2e.bench.serving import bench_portal
from e2e.servers import Server, mock_gu1, on_database, sqlite_in
from portal.store.database import make_engine, migrate
from tests.ports import free_port
from tests.postgres import HOW_TO_GET_ONE, new_database, server

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = (SQLITE, POSTGRESQL)
_MIGRATION = Lock()
"""Alembic's context is global to the process: two migrations on two threads break each other."""


@dataclass(frozen=True)
class Fleet:
    replicas: list[Server]
    gu1: Server
    database_url: str

    @property
    def urls(self) -> list[str]:
        return [replica.url for replica in self.replicas]

    def ledger(self) -> list[dict[str, Any]]:
        return judge.ledger(self.gu1.url)


@contextmanager
def fleet(
    folder: Path,
    database: str,
    *,
    replicas: int = 1,
    workers: int = 1,
    time_scale: float = 0.1,
    gu1_port: int | None = None,
    gu1_url: str | None = None,
) -> Iterator[Fleet]:
    """`gu1_url` (such as a proxy's) replaces the mock's own URL in the replicas' settings."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = [free_port() for _ in range(replicas)]
    gu1 = mock_gu1(folder, port=gu1_port or free_port(), portal_url=f"http://127.0.0.1:{ports[0]}")
    with database_of(database, folder) as url:
        # Temporary files of a killed server stay in the bench's folder.
        env = {**on_database(url), "TMPDIR": str(folder)}
        options = {"env": env, "time_scale": time_scale, "workers": workers}
        own = [bench_portal(folder, port=port, gu1_url=gu1_url or gu1.url, **options) for port in ports]
        try:
            gu1.start()
            for replica in own:
                replica.start()
            yield Fleet(own, gu1, url)
        finally:
            for replica in own:
                replica.kill()
            gu1.stop()


@contextmanager
def database_of(kind: str, folder: Path) -> Iterator[str]:
    """An empty database with its schema."""
    if kind == SQLITE:
        create_schema(sqlite_in(folder))
        yield sqlite_in(folder)
        return
    with server() as postgres:
        if postgres is None:
            raise RuntimeError(HOW_TO_GET_ONE)
        with new_database(postgres) as database:
            url = database.render_as_string(hide_password=False)
            create_schema(url)
            yield url


def create_schema(url: str) -> None:
    engine = make_engine(url)
    with _MIGRATION:
        migrate(engine)
    engine.dispose()
