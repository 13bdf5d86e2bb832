"""A real PgBouncer in front of the tests' PostgreSQL, with few connections, so that its clients share them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from tests.ports import free_port, wait_for_port
from tests.postgres import connected

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
_PATIENCE = 10
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (Debian: pgbouncer)")


class PgBouncer:
    """One on a free port, which can be stopped, replaced while it works, and paused."""

    def __init__(self, server: URL, mode: str | None, connections: int) -> None:
        self._port, self._folder = free_port(), Path(tempfile.mkdtemp(prefix="portal-pgbouncer-"))
        self.url = server.set(host="127.0.0.1", port=self._port)
        to = f"host={server.host} port={server.port or 5432} user={server.username}"
        to += f" password={server.password}" if server.password else ""
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self._port,
            "unix_socket_dir": self._folder,  # by which a new process takes over from an old one
            "auth_type": "any",
            "admin_users": "postgres",
            "default_pool_size": connections,
            "max_client_conn": 200,
            "server_login_retry": 1,
            **({"pool_mode": mode} if mode else {}),
        }
        (self._folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = {to}\n[pgbouncer]\n" + "".join(f"{name} = {it}\n" for name, it in settings.items())
        )
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # as which it refuses to run
            user = pwd.getpwnam("nobody")
            shutil.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def start(self) -> None:
        self._process = self._started()
        wait_for_port(self._port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE)

    def replace(self) -> None:
        """A new process takes the sockets over from the old one, which then ends."""
        new = self._started("-R")
        self._process.wait(_PATIENCE)
        self._process = new

    def command(self, statement: str) -> None:
        """PAUSE, RESUME or another command of its console."""
        with connected(self.url.set(database="pgbouncer")) as console:
            console.execute(statement)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self, *options: str) -> subprocess.Popen[bytes]:
        assert PROGRAM
        command = [PROGRAM, *options, str(self._folder / "pgbouncer.ini")]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._as_user)


@contextmanager
def pgbouncer(server: URL, mode: str | None, connections: int = 3) -> Iterator[URL]:
    """`mode`: its `pool_mode`; None for what it does as installed."""
    with running_pgbouncer(server, mode, connections) as pooler:
        yield pooler.url


@contextmanager
def running_pgbouncer(server: URL, mode: str | None, connections: int) -> Iterator[PgBouncer]:
    pooler = PgBouncer(server, mode, connections)
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.stop()
        pooler.remove()
