"""How many onboardings a second go from the form to their hosted page, and what CPU each takes.

    python -m e2e.bench.creations --database postgresql --processes 4 --delay 0.3

The forms are stored first, then the portals start: so the table shows what the runners do, without the load of sending
forms. CPU is that of the portals' processes alone, and says more than the rate on a machine that does other work too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine, func, select

from e2e.bench.command import options
from e2e.bench.fleet import DATABASES, database_of
from e2e.servers import API_KEY, SECRET_KEY, Server, on_database, portal
from portal.app import create_app
from portal.config import Config
from portal.domain.onboarding import Details
from portal.store.database import make_engine
from portal.store.tables import validations
from tests.ports import free_port

_PATIENCE = 300.0
_TICKS = os.sysconf("SC_CLK_TCK")


def store_forms(url: str, number: int) -> None:
    config = Config(database_url=url, secret_keys=(SECRET_KEY,), gu1_api_key=API_KEY, gu1_webhook_secrets=("bench",))
    start = create_app(config).extensions["portal"].onboardings.start
    for form in range(number):
        details = Details(country="AR", document_number=str(20_000_000 + form), first_name="Ana", last_name="Gil")
        start(details, locale="es-AR", consent_version="1", nonce=str(form))


def ready(engine: Engine) -> int:
    with engine.connect() as connection:
        adopted = select(func.count()).select_from(validations).where(validations.c.gu1_id.is_not(None))
        return connection.scalar(adopted) or 0


def cpu_seconds(server: Server) -> float:
    """Of the server's processes together."""
    group = server.process.pid if server.process else 0
    spent = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[2]) == group:
            spent += int(fields[11]) + int(fields[12])
    return spent / _TICKS


def measure(kind: str, folder: Path, *, forms: int, processes: int, delay: float) -> str:
    gu1_port = free_port()
    command = [sys.executable, "-m", "e2e.bench.steady_gu1", "--port", str(gu1_port), "--delay", str(delay)]
    gu1 = Server(command, f"http://127.0.0.1:{gu1_port}", "/api/entities", folder / "gu1.log")
    with database_of(kind, folder) as url, gu1:
        store_forms(url, forms)
        settings = {**on_database(url), "PORTAL_SECRET_KEYS": SECRET_KEY}
        servers = [portal(folder, port=free_port(), gu1_url=gu1.url, env=settings) for _ in range(processes)]
        engine = make_engine(url)
        try:
            for server in servers:
                server.start()
            began, done, spent = time.monotonic(), ready(engine), sum(map(cpu_seconds, servers))
            while ready(engine) < forms:
                if time.monotonic() - began > _PATIENCE:
                    raise RuntimeError(f"only {ready(engine)} of {forms} are ready")
                time.sleep(0.1)
            seconds, number = time.monotonic() - began, forms - done
            each = (sum(map(cpu_seconds, servers)) - spent) / number
        finally:
            engine.dispose()
            for server in servers:
                server.stop()
    return f"{kind:12}{processes:>3} processes {number / seconds:>8.0f} /s   {each * 1000:.1f} ms of CPU each"


def main() -> None:
    parser = options("creations", __doc__)
    parser.add_argument("--forms", type=int, default=1500)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.3, help="seconds before each answer of gu1")
    told = parser.parse_args()
    for kind in told.database or DATABASES:
        with tempfile.TemporaryDirectory(prefix="creations-") as folder:
            print(measure(kind, Path(folder), forms=told.forms, processes=told.processes, delay=told.delay), flush=True)


if __name__ == "__main__":
    main()
