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

import pytest
from sqlalchemy import URL

from tests.ports import free_port, wait_for_port

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (Debian: pgbouncer)")


@contextmanager
def pgbouncer(server: URL, mode: str | None, connections: int = 3) -> Iterator[URL]:
    """`mode`: its `pool_mode`; None for what it does as installed."""
    assert PROGRAM
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="portal-pgbouncer-"))
    to = f"host={server.host} port={server.port or 5432} user={server.username}"
    to += f" password={server.password}" if server.password else ""
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "default_pool_size": connections,
        "max_client_conn": 200,
        **({"pool_mode": mode} if mode else {}),
    }
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = {to}\n[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
    )
    as_user = {}
    if os.geteuid() == 0:  # as which it refuses to run
        user = pwd.getpwnam("nobody")
        shutil.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, cwd=folder, **as_user
        )
    try:
        wait_for_port(port)
        yield server.set(host="127.0.0.1", port=port)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)
