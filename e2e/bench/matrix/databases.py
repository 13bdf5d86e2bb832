"""A fresh database for every run, copied from a migrated one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from e2e.servers import sqlite_in
from portal.store.database import make_engine, migrate
from tests.postgres import HOW_TO_GET_ONE, new_database, server


class NoServer(RuntimeError):
    pass


@dataclass(frozen=True)
class Databases:
    """Names only, so that it can be pickled."""

    folder: str
    """Holds the databases of all runs; removed at the end."""
    server_url: str | None = None
    template: str | None = None

    @contextmanager
    def new(self, kind: str) -> Iterator[tuple[Path, str]]:
        """A folder for one run, and its database."""
        with TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            if kind == "sqlite":
                shutil.copy(Path(self.folder) / "portal.db", folder)
                yield folder, sqlite_in(folder)
            elif self.server_url:
                with new_database(make_url(self.server_url), template=self.template) as url:
                    yield folder, url.render_as_string(hide_password=False)


@contextmanager
def prepared(kinds: tuple[str, ...]) -> Iterator[Databases]:
    """Raises `NoServer` if PostgreSQL is wanted but not installed."""
    with TemporaryDirectory(prefix="portal-matrix-") as folder:
        _migrate(sqlite_in(Path(folder)))
        if "postgresql" not in kinds:
            yield Databases(folder)
            return
        with server() as postgres:
            if postgres is None:
                raise NoServer(HOW_TO_GET_ONE)
            with new_database(postgres) as template:
                _migrate(template.render_as_string(hide_password=False))
                yield Databases(folder, postgres.render_as_string(hide_password=False), template.database)


def _migrate(url: str) -> None:
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()
