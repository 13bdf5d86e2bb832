"""A PostgreSQL server for tests: TEST_POSTGRES_URL's, else one on this machine, else one of our own making."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from tests.ports import free_port

LOCAL_SERVERS = [f"postgresql+psycopg://{user}@127.0.0.1:5432/postgres" for user in ("postgres", "root")]
HOW_TO_GET_ONE = (
    "no PostgreSQL server answers and none can be started: start one on 127.0.0.1:5432 that trusts user postgres,"
    " set TEST_POSTGRES_URL=postgresql+psycopg://user:password@host/database (may create databases),"
    " or install the server's package (Debian: postgresql)"
)
_UNPRIVILEGED = ("postgres", "nobody")
_PATIENCE = 30


class Cluster:
    """A server of our own in a temporary folder, on a free port of 127.0.0.1; it can be stopped and started."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="portal-postgres-"))
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # as which PostgreSQL refuses to run
            user = _unprivileged_user()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._port = free_port()
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")

    @property
    def url(self) -> URL:
        return make_url(f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres")

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._run(
            "pg_ctl", "start", "--wait", "--silent", f"--log={self._folder / 'server.log'}", f"--options={options}"
        )

    def stop(self, how: str = "fast") -> None:
        """`how` is pg_ctl's: fast, or immediate for a crash."""
        self._run("pg_ctl", "stop", "--wait", "--silent", f"--mode={how}")

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), f"--pgdata={self._folder / 'data'}", *arguments]
        # Not a pipe: the server would keep it open, and whoever reads it would wait for ever.
        with (self._folder / f"{program}.log").open("ab") as log:
            done = subprocess.run(
                command, cwd=self._folder, stdout=log, stderr=log, timeout=_PATIENCE, check=False, **self._as_user
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(self._folder / f'{program}.log').read_text()[-2000:]}")


def binaries() -> Path | None:
    """The folder of a PostgreSQL server's programs, the newest one; Debian keeps it out of PATH."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda it: int(it.parts[-3]))
    found = Path(on_path) if on_path else (debian[-1] if debian else None)
    return found.parent if found else None


@contextmanager
def own_cluster() -> Iterator[Cluster | None]:
    """Running; None if no server program is installed."""
    folder = binaries()
    if folder is None:
        yield None
        return
    cluster = Cluster(folder)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop("immediate")
        cluster.remove()


@cache
def is_to_be_had() -> bool:
    """Whether `server` will give one."""
    return bool(os.environ.get("TEST_POSTGRES_URL") or binaries() or any(map(answers, map(make_url, LOCAL_SERVERS))))


@contextmanager
def server() -> Iterator[URL | None]:
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:  # and if it does not answer, let the tests fail
        yield make_url(given)
        return
    running = next((url for url in map(make_url, LOCAL_SERVERS) if answers(url)), None)
    if running:
        yield running
        return
    with own_cluster() as cluster:
        yield cluster.url if cluster else None


@contextmanager
def new_database(server: URL, template: str | None = None) -> Iterator[URL]:
    """Dropped afterwards. `template` is the name of a database to copy."""
    name = f"portal_test_{secrets.token_hex(6)}"
    copied = f' TEMPLATE "{template}"' if template else ""
    with connected(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{copied}')
    try:
        yield server.set(database=name)
    finally:
        with connected(server) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def connected(url: URL) -> Iterator[psycopg.Connection]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, connect_timeout=2, autocommit=True) as connection:
        yield connection


def answers(url: URL) -> bool:
    try:
        with connected(url):
            return True
    except psycopg.OperationalError:
        return False


def _unprivileged_user() -> pwd.struct_passwd:
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in _UNPRIVILEGED if name in known)
