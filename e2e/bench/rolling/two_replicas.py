"""Two replicas of the portal behind nginx, on PostgreSQL behind PgBouncer, with their secrets in files."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import trustme
from sqlalchemy import URL

from e2e.bench.scenario import a_mock, cluster, workers
from e2e.bench.upgrade import as_previous
from e2e.proxies import nginx
from e2e.servers import WEBHOOK_SECRET, Server, portal
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
from tests.pgbouncer import PgBouncer, running_pgbouncer
from tests.ports import free_port
from tests.postgres import Cluster, new_database

PATIENCE = 120.0
_CONNECTIONS = 40
"""Of PostgreSQL, for all clients of the pooler together."""


@dataclass
class Kept:
    """Old and new of one kind of secret, and which of them the replicas have, the first one first."""

    values: dict[str, str]
    listed: tuple[str, ...] = ("old",)

    def lines(self) -> str:
        return "\n".join(self.values[it] for it in self.listed)


@dataclass
class Secrets:
    folder: Path
    keys: Kept = field(
        default_factory=lambda: Kept({"old": "o7kDm2xQ9vTzW4cLr8Yb" * 2, "new": "Nq5hFe1uJs6pGa3iXy0K" * 2})
    )
    webhooks: Kept = field(
        default_factory=lambda: Kept({"old": WEBHOOK_SECRET, "new": "whsec_the-next-one-of-the-rolling-bench"})
    )
    partner: Kept = field(default_factory=lambda: Kept({"old": new_key(), "new": new_key()}))
    signing: Kept = field(default_factory=lambda: Kept({"old": new_signing_secret(), "new": new_signing_secret()}))

    def write(self) -> None:
        """Each file at once, as platforms replace mounted secrets."""
        hashes = ", ".join(f'"{hash_of_key(self.partner.values[it])}"' for it in self.partner.listed)
        signing = ", ".join(f'"{self.signing.values[it]}"' for it in self.signing.listed)
        shop = f'[partners.shop]\nname = "Shop"\napi_keys = [{hashes}]\nsigning_secrets = [{signing}]\n'
        for name, text in {"keys": self.keys.lines(), "webhooks": self.webhooks.lines(), "partners.toml": shop}.items():
            fresh = self.folder / f"{name}.new"
            fresh.write_text(text)
            fresh.replace(self.folder / name)

    def settings(self) -> dict[str, str]:
        return {
            "PORTAL_SECRET_KEYS_FILE": str(self.folder / "keys"),
            "GU1_WEBHOOK_SECRETS": "",
            "GU1_WEBHOOK_SECRETS_FILE": str(self.folder / "webhooks"),
            "PORTAL_PARTNERS_FILE": str(self.folder / "partners.toml"),
        }


@dataclass
class Site:
    url: str
    trusted: ssl.SSLContext
    replicas: list[Server]
    gu1: Server
    cluster: Cluster
    pooler: PgBouncer
    database: URL
    """Past the pooler."""
    secrets: Secrets
    previous: Path | None

    def run(self, *command: str, by_previous: bool = False) -> str:
        """A command of the portal with the settings of a replica, past the pooler's limits; returns what it prints."""
        server = as_previous(self.replicas[0], self.previous) if by_previous and self.previous else self.replicas[0]
        own = self.replicas[0].command if not by_previous else server.command
        program = own[: own.index("serve")]
        done = subprocess.run(
            [*program, *command],
            env={**os.environ, **self.replicas[0].env},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise RuntimeError(f"portal {' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
        return done.stdout

    def reload(self) -> None:
        """SIGHUP to one replica after the other, each until its old workers are gone."""
        for replica in self.replicas:
            before = workers(replica)
            assert before and replica.process
            os.kill(replica.process.pid, signal.SIGHUP)
            deadline = time.monotonic() + PATIENCE
            while before & workers(replica) or not workers(replica):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{replica.url} was not reloaded:\n{replica.log.read_text()[-2000:]}")
                time.sleep(0.1)


@contextmanager
def two_replicas(folder: Path, previous: Path | None) -> Iterator[Site]:
    """Without a schema, and not started. `previous`: a checkout of the release that they begin with."""
    authority, port, ports = trustme.CA(), free_port(), [free_port(), free_port()]
    secrets = Secrets(folder)
    secrets.write()
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    url = f"https://localhost:{port}"
    with (
        cluster() as postgres,
        new_database(postgres.url) as database,
        running_pgbouncer(postgres.url, "transaction", _CONNECTIONS) as pooler,
        a_mock(folder, url, webhooks=False) as gu1,
        nginx(folder, port, ports, authority),
    ):
        through = pooler.url.set(database=database.database).render_as_string(hide_password=False)
        env: Mapping[str, str] = {
            "PORTAL_BASE_URL": url,
            "PORTAL_DATABASE_URL": through,
            # Longer than PostgreSQL's restart takes while the pooler pauses.
            "PORTAL_DATABASE_POOL_TIMEOUT": "10",
            "PORTAL_TRUSTED_PROXIES": "1",
            "PORTAL_LOG_LEVEL": "WARNING",
            "TMPDIR": str(folder),
            **secrets.settings(),
        }
        replicas = [
            replace(portal(folder, port=it, gu1_url=gu1.url, env=env), log=folder / f"portal-{it}.log") for it in ports
        ]
        try:
            yield Site(url, trusted, replicas, gu1, postgres, pooler, database, secrets, previous)
        finally:
            for replica in replicas:
                replica.kill()
