"""portal serve"""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer
from granian.server.mt import MTServer

from portal.cli.common import database, registry, settings, unknown_settings, usable_schema
from portal.cli.installation_notes import note_by_server, note_reload
from portal.cli.metrics_port import metrics_server
from portal.cli.operator_port import operator_port
from portal.cli.reloaded import changes_between
from portal.config import Config
from portal.domain.installation_change import InstallationChange
from portal.domain.web_addresses import HIGHEST_PORT
from portal.environment import WORKERS_FOLDER
from portal.logs import logging_config, set_up_logging
from portal.settings import load_config
from portal.store.database import Schema, migrate

# Granian's backpressure counts accepted connections, including idle ones: of each worker.
_CONNECTIONS = 16_384
_BACKLOG = 4096
# Of a whole request head, and of a connection on which nothing is asked. Longer than proxies keep theirs (deploy/).
_SECONDS_FOR_HEAD = 30
_HEAD_BYTES = 16 * 1024
# Each worker may hold fifteen connections to the database, and PostgreSQL's default is a hundred for all.
_MOST_WORKERS = 8
_HIGHEST_WORKERS = 256
# Longer than the runner's grace time, shorter than the ten seconds that containers get.
_SECONDS_TO_FINISH = 9
# SIGHUP ends an old worker after this time, whether or not the new one answers already; on a busy machine a start
# takes four seconds.
_SECONDS_TO_START = 10

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, HIGHEST_PORT))
@click.option(
    "--workers",
    type=click.IntRange(1, _HIGHEST_WORKERS),
    help=f"Processes; each serves pages and has a runner.  [default: one for each core, at most {_MOST_WORKERS}]",
)
def serve(host: str, port: int, workers: int | None) -> None:
    """Run the production server and the runner."""
    serve_app("portal.worker_process:serving_app", host, port, workers or default_workers())


def default_workers() -> int:
    return min(available_cores(), _MOST_WORKERS)


def available_cores(cgroup: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Of this process: a container may have a share of the machine's cores, which its cgroup (version 2) states."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, cgroup.read_text().split())
    except (OSError, ValueError):  # no cgroup, or "max"
        return cores
    return min(cores, max(1, round(quota / period)))


def serve_app(target: str, host: str, port: int, workers: int, *, wsgi_threads: int | None = None) -> None:
    """`target` names the factory that each worker process calls: of an RSGI application, or of a WSGI one."""
    found = settings()
    config = found.config
    set_up_logging(config.log_level)
    registry(config.partners_path, development=config.development)
    for name, problem in unknown_settings(found.environment):
        log.warning("setting %s: %s", name, problem)
    _refuse_taken_port(host, port)
    _check_operator_port(config, host)
    _migrate_or_check(config)
    _raise_file_limit()
    with _shared_folder() if workers > 1 or config.metrics_port else nullcontext():
        # Before the workers are forked, so that they share what was imported; the collector would only slow it down.
        gc.disable()
        import_module(target.partition(":")[0])
        gc.freeze()
        gc.enable()
        try:
            with _metrics_on_own_port(config, host), _operator_on_own_port(config, host) as renew_operator:
                server = _server(target, config, host, port, workers=workers, wsgi_threads=wsgi_threads)
                server.on_startup(lambda: _reload_on_hangup(server, config, renew_operator))
                server.serve()
        except (RuntimeError, OSError) as error:
            raise click.ClickException(f"cannot serve on {host}:{port}: {error}") from None


def _metrics_on_own_port(config: Config, host: str) -> AbstractContextManager[None]:
    return metrics_server(host, config.metrics_port, config.metrics_token) if config.metrics_port else nullcontext()


def _operator_on_own_port(config: Config, host: str) -> AbstractContextManager[Callable[[], None]]:
    return operator_port(host, config.operator_port) if config.operator_port else nullcontext(lambda: None)


def _check_operator_port(config: Config, host: str) -> None:
    if config.operator_port is None:
        return
    if config.operator_token is None and host not in {"127.0.0.1", "::1", "localhost"}:
        raise click.ClickException("PORTAL_OPERATOR_PORT needs a PORTAL_OPERATOR_TOKEN where others reach the port")
    _refuse_taken_port(host, config.operator_port)


def _reload_on_hangup(server: MPServer | MTServer, config: Config, renew_operator: Callable[[], None]) -> None:
    """SIGHUP starts new workers with the current partners file and secrets, unless these have an error."""

    path = config.partners_path  # resolved now, so that deleting the file later is an error
    used = (config, registry(path, development=config.development))

    def reload(*_signal: object) -> None:
        nonlocal used
        try:
            read = load_config()
            fresh = (read, registry(path, development=read.development))
            log.info("reloaded: %s", changes_between(used, fresh))
        except Exception as error:  # must not end the server's loop
            log.error("not reloaded: %s", error)
        else:
            before, used = used, fresh
            renew_operator()
            server.signal_handler_reload()  # type: ignore[no-untyped-call]
            note_reload(before, fresh)

    signal.signal(signal.SIGHUP, reload)


def _refuse_taken_port(host: str, port: int) -> None:
    """The server shares a port with whoever else allows it, and would get half of the other portal's requests."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError:  # a name that cannot be a host's: with an empty or too long label
        raise click.ClickException(f"cannot serve on {host}:{port}: not a host name") from None
    except OSError as error:
        raise click.ClickException(f"cannot serve on {host}:{port}: {error.strerror}") from None


def _raise_file_limit() -> None:
    """Each connection is an open file, and many systems allow 1,024 unless a process asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft != resource.RLIM_INFINITY else soft, hard))


@contextmanager
def _shared_folder() -> Iterator[None]:
    """For the counts of all worker processes: of metrics, and of request limits."""
    with tempfile.TemporaryDirectory(prefix="portal-workers-", ignore_cleanup_errors=True) as folder:
        os.environ[WORKERS_FOLDER] = folder
        yield


def _server(
    target: str, config: Config, host: str, port: int, *, workers: int, wsgi_threads: int | None
) -> MPServer | MTServer:
    return Granian(
        target,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI if wsgi_threads else Interfaces.RSGI,
        # Over HTTP/2 one connection could occupy every thread with streams whose bodies never end.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_SECONDS_FOR_HEAD * 1000, max_buffer_size=_HEAD_BYTES),
        workers=workers,
        blocking_threads=wsgi_threads,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_SECONDS_TO_FINISH,
        respawn_interval=_SECONDS_TO_START,
        log_dictconfig=logging_config(config.log_level),
        log_access=False,
    )


def _migrate_or_check(config: Config) -> None:
    with database(config) as engine:
        if config.is_sqlite:
            applied: list[int] = []
            migrate(engine, on_step=applied.append)
            if applied:
                note_by_server(engine, InstallationChange.MIGRATED, f"migrations: {len(applied)}")
        schema = usable_schema(engine)
    if schema is Schema.AHEAD:
        log.warning("the database schema belongs to a newer release; continuing")
