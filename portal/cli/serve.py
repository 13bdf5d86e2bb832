"""portal serve"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer
from granian.server.mt import MTServer

from portal.cli.common import configuration, database, registry, usable_schema
from portal.config import Config
from portal.logs import logging_config, set_up_logging
from portal.store.database import Schema, migrate

# Granian's backpressure counts accepted connections, including idle ones.
_CONNECTIONS = 4096
# Four are enough for the work, but each request with a slow body occupies one until it ends.
_BLOCKING_THREADS = 64
# Longer than the runner's grace time, shorter than the ten seconds that containers get.
_SECONDS_TO_FINISH = 9

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; each serves pages and has a runner.")
def serve(host: str, port: int, workers: int) -> None:
    """Run the production server and the runner."""
    serve_app("portal.app:serving_app", host, port, workers)


def serve_app(target: str, host: str, port: int, workers: int, *, threads: int = _BLOCKING_THREADS) -> None:
    """`target` names the factory that each worker process calls."""
    config = configuration()
    set_up_logging(config.log_level)
    registry(config.partners_path)
    _migrate_or_check(config)
    with _shared_metrics() if workers > 1 else nullcontext():
        try:
            server = _server(target, config, host, port, workers, threads)
            server.on_startup(lambda: _reload_on_hangup(server, config))
            server.serve()
        except (RuntimeError, OSError) as error:
            raise click.ClickException(f"cannot serve on {host}:{port}: {error}") from None


def _reload_on_hangup(server: MPServer | MTServer, config: Config) -> None:
    """SIGHUP starts new workers with the current partners file, unless that has an error."""

    path = config.partners_path  # resolved now, so that deleting the file later is an error

    def reload(*_signal: object) -> None:
        try:
            registry(path)
        except Exception as error:  # must not end the server's loop
            log.error("partners file not reloaded: %s", error)
        else:
            server.signal_handler_reload()  # type: ignore[no-untyped-call]

    signal.signal(signal.SIGHUP, reload)


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder for the counters of all worker processes; prometheus_client reads the variable at import."""
    with tempfile.TemporaryDirectory(prefix="portal-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _server(target: str, config: Config, host: str, port: int, workers: int, threads: int) -> MPServer | MTServer:
    return Granian(
        target,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        # Over HTTP/2 one connection could occupy every thread with streams whose bodies never end.
        http=HTTPModes.http1,
        workers=workers,
        blocking_threads=threads,
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_SECONDS_TO_FINISH,
        log_dictconfig=logging_config(config.log_level),
        log_access=False,
    )


def _migrate_or_check(config: Config) -> None:
    with database(config) as engine:
        if config.is_sqlite:
            migrate(engine)
        schema = usable_schema(engine)
    if schema is Schema.AHEAD:
        log.warning("the database schema belongs to a newer release; continuing")
