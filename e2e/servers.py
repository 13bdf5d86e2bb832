"""Real processes on free ports: mock gu1, portal and partner sites, for the demo, the journeys and the benches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from e2e.judge import judge
from e2e.partners_fixture import RegisteredPartner
from tests.local_http import LOCAL
from tests.ports import free_port

ROOT = Path(__file__).parent.parent
API_KEY = "gk_sandbox_demo"
WEBHOOK_SECRET = "whsec_of-the-demo-and-the-tests"
SECRET_KEY = "a-secret-of-the-tests-that-is-long-enough"
_PATIENCE = 60.0


@dataclass
class Server:
    """A server process and its URL."""

    command: list[str]
    url: str
    probe: str
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    """Its own host name, if that differs from `url`."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait_until_up()

    def launch(self) -> None:
        """Starts the process without waiting until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.env},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole process group, like a crash."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
        self.process.wait(_PATIENCE)
        self.process = None

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        headers = {"Host": self.host} if self.host else {}
        with httpx.Client(base_url=self.url, headers=headers, **LOCAL) as client:
            while time.monotonic() < deadline:
                if self.process is None or self.process.poll() is not None:
                    break
                try:
                    if client.get(self.probe).is_success:
                        return
                except httpx.TransportError:
                    time.sleep(0.05)
        raise RuntimeError(f"{self.command[2]} did not come up:\n{self.log.read_text()[-3000:]}")


def mock_gu1(folder: Path, *, port: int, portal_url: str, arguments: tuple[str, ...] = ()) -> Server:
    command = [sys.executable, "-m", "e2e.mock_gu1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--api-key", API_KEY, "--webhook-url", f"{portal_url}/webhooks/gu1"]
    command += ["--webhook-secret", WEBHOOK_SECRET, "--return-url", f"{portal_url}/return", *arguments]
    return Server(command, f"http://127.0.0.1:{port}", "/_mock/ledger", folder / "mock_gu1.log")


def sqlite_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'portal.db'}"


def portal(
    folder: Path, *, port: int, gu1_url: str, env: Mapping[str, str] | None = None, arguments: tuple[str, ...] = ()
) -> Server:
    url = f"http://127.0.0.1:{port}"
    settings = {
        "PORTAL_BASE_URL": url,
        "PORTAL_DATABASE_URL": sqlite_in(folder),
        "GU1_BASE_URL": gu1_url,
        "GU1_API_KEY": API_KEY,
        "GU1_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "GU1_PROVIDER_HOSTS": "127.0.0.1",
    }
    # One worker, because many of these run at once on a small machine.
    command = [sys.executable, "-m", "portal", "serve", "--port", str(port), "--workers", "1", *arguments]
    settings |= env or {}
    host = urlsplit(settings["PORTAL_BASE_URL"]).netloc
    return Server(command, url, "/readyz", folder / "portal.log", settings, host)


def partner_site(
    folder: Path,
    *,
    port: int,
    partner: RegisteredPartner,
    portal_url: str,
    provider: str,
    arguments: tuple[str, ...] = (),
) -> Server:
    command = [sys.executable, "-m", "e2e.partner_site", "--port", str(port), "--portal", portal_url]
    command += ["--provider", provider, "--api-key", partner.api_key, "--signing-secret", partner.signing_secret]
    return Server([*command, *arguments], f"http://127.0.0.1:{port}", "/log", folder / f"{partner.slug}.log")


def on_database(url: str) -> dict[str, str]:
    return {"PORTAL_DATABASE_URL": url, **({} if url.startswith("sqlite") else {"PORTAL_SECRET_KEYS": SECRET_KEY})}


@dataclass(frozen=True)
class Environment:
    portal: Server
    gu1: Server
    folder: Path
    database_url: str

    def judge(self) -> None:
        """Fails if the mock's ledger and the portal's database disagree."""
        judge(self.gu1.url, self.database_url)

    def ledger(self) -> dict[str, object]:
        return dict(httpx.get(self.gu1.url + "/_mock/ledger", **LOCAL).json())


@contextmanager
def environment(
    folder: Path,
    *,
    portal_port: int | None = None,
    gu1_port: int | None = None,
    database_url: str | None = None,
    env: Mapping[str, str] | None = None,
    mock_arguments: tuple[str, ...] = (),
    serve: Callable[..., Server] = portal,
) -> Iterator[Environment]:
    """A running portal and mock that know each other; on a SQLite file unless a PostgreSQL with a schema is named."""
    database_url = database_url or sqlite_in(folder)
    portal_port, gu1_port = portal_port or free_port(), gu1_port or free_port()
    gu1 = mock_gu1(folder, port=gu1_port, portal_url=f"http://127.0.0.1:{portal_port}", arguments=mock_arguments)
    door = serve(folder, port=portal_port, gu1_url=gu1.url, env={**on_database(database_url), **(env or {})})
    try:
        gu1.launch()
        door.start()
        gu1.wait_until_up()
        yield Environment(door, gu1, folder, database_url)
    finally:
        door.stop()
        gu1.stop()
