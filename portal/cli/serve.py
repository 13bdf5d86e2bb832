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

# Backpressure counts accepted connections, idle ones too.
_CONNECTIONS = 4096
# Work needs no more than four, but each request whose body dawdles holds one for as long as it does.
_BLOCKING_THREADS = 64
# Longer than the engine's grace, shorter than the ten seconds that containers are given.
_SECONDS_TO_FINISH = 9

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; each runs pages and an engine.")
def serve(host: str, port: int, workers: int) -> None:
    """Run the production server and the engine."""
    serve_app("portal.app:serving_app", host, port, workers)


def serve_app(target: str, host: str, port: int, workers: int) -> None:
    """`target` names the factory that each worker process calls."""
    config = configuration()
    set_up_logging(config.log_level)
    registry(config.partners_path)
    _bring_schema_up_to_date(config)
    with _shared_metrics() if workers > 1 else nullcontext():
        try:
            server = _server(target, config, host, port, workers)
            server.on_startup(lambda: _reload_on_hangup(server, config))
            server.serve()
        except (RuntimeError, OSError) as error:
            raise click.ClickException(f"cannot serve on {host}:{port}: {error}") from None


def _reload_on_hangup(server: MPServer | MTServer, config: Config) -> None:
    """SIGHUP brings new workers with what the partners file says by now; one that is wrong changes nothing."""

    path = config.partners_path  # one that lay here at the start and does not any more is a fault

    def reload(*_signal: object) -> None:
        try:
            registry(path)
        except Exception as error:  # in the server's own loop, which must not end of it
            log.error("the partners stay as they are: %s", error)
        else:
            server.signal_handler_reload()  # type: ignore[no-untyped-call]

    signal.signal(signal.SIGHUP, reload)


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which worker processes count together; prometheus_client looks for it when it is imported."""
    with tempfile.TemporaryDirectory(prefix="portal-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _server(target: str, config: Config, host: str, port: int, workers: int) -> MPServer | MTServer:
    return Granian(
        target,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        # Over HTTP/2 one connection could hold every thread: a stream whose body never ends costs its client nothing.
        http=HTTPModes.http1,
        workers=workers,
        blocking_threads=_BLOCKING_THREADS,
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_SECONDS_TO_FINISH,
        log_dictconfig=logging_config(config.log_level),
        log_access=False,
    )


def _bring_schema_up_to_date(config: Config) -> None:
    with database(config) as engine:
        if config.is_sqlite:
            migrate(engine)
        schema = usable_schema(engine)
    if schema is Schema.AHEAD:
        log.warning("the database's schema is of a newer release; this one goes on beside it")
