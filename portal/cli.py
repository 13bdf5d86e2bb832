"""portal serve | check | migrate | partner"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import click
from granian import Granian
from granian.constants import Interfaces
from granian.server.mp import MPServer
from granian.server.mt import MTServer

from portal.cli_partner import partner_group
from portal.cli_setting import configuration, database, registry, usable_schema
from portal.config import Config
from portal.domain.errors import Gu1Error
from portal.gu1.survey import Finding, survey
from portal.logs import logging_config, set_up_logging
from portal.store.engine import Schema, migrate, schema_of

# Backpressure counts accepted connections, idle ones too.
_CONNECTIONS = 4096
# Work needs no more than four, but each request whose body dawdles holds one for as long as it does.
_BLOCKING_THREADS = 64
# Longer than the engine's grace, shorter than the ten seconds that containers are given.
_SECONDS_TO_FINISH = 9

log = logging.getLogger(__name__)

Attempt = Callable[[], tuple[Finding, ...] | None]


@dataclass(frozen=True, slots=True)
class Result:
    """Of one part of `portal check`."""

    name: str
    problem: str | None = None
    findings: tuple[Finding, ...] = ()


@click.group()
def main() -> None:
    """An onboarding portal in front of gu1's KYC API."""


main.add_command(partner_group)


@main.command()
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


@main.command("migrate")
def migrate_command() -> None:
    """Bring the database's schema up to date."""
    config = configuration()
    with database(config) as engine:
        migrate(engine)
    click.echo("The schema is up to date.")


@main.command()
def check() -> None:
    """Try the configuration, the database and the gu1 key, and say which gu1 the key leads to."""
    config = configuration()
    results = [Result("configuration"), *(_tried(name, attempt) for name, attempt in _checks(config))]
    width = max(len(result.name) for result in results)
    for result in results:
        verdict = "ok" if result.problem is None else "FAILED"
        click.echo(f"{result.name:<{width}}  {verdict}  {result.problem or ''}".rstrip())
        _show(result.findings)
    sys.exit(any(result.problem for result in results))


def _bring_schema_up_to_date(config: Config) -> None:
    with database(config) as engine:
        if config.is_sqlite:
            migrate(engine)
        schema = usable_schema(engine)
    if schema is Schema.AHEAD:
        log.warning("the database's schema is of a newer release; this one goes on beside it")


def _show(findings: Sequence[Finding]) -> None:
    """What was found out on the way, indented, with its row in the table of gu1's contradictions."""
    width = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        row = f"  (row {finding.row})" if finding.row else ""
        click.echo(f"  {finding.what:<{width}}  {finding.found}{row}")


def _checks(config: Config) -> Iterator[tuple[str, Attempt]]:
    yield "database", lambda: _try_database(config)
    yield "schema", lambda: _try_schema(config)
    yield "partners", lambda: _try_partners(config)
    yield "gu1 key", lambda: asyncio.run(_try_gu1(config))


def _try_database(config: Config) -> None:
    with database(config) as engine:
        schema_of(engine)  # which reads from it


def _try_schema(config: Config) -> None:
    with database(config) as engine:
        # `serve` brings a SQLite file up to date by itself.
        if not config.is_sqlite and schema_of(engine) is Schema.BEHIND:
            raise click.ClickException("older than this release; run: portal migrate")


def _try_partners(config: Config) -> tuple[Finding, ...]:
    known = registry(config.partners_path).partners.values()
    return tuple(Finding(partner.slug, partner.described) for partner in known)


async def _try_gu1(config: Config) -> tuple[Finding, ...]:
    """A few reads, free of charge."""
    # Not at the top: what counts for several processes has to be decided before these are imported.
    from portal.app import make_gu1  # noqa: PLC0415
    from portal.metrics import Metrics  # noqa: PLC0415

    gu1 = make_gu1(config, Metrics())
    sends_organization = config.gu1_organization_id is not None
    try:
        return await survey(gu1.look, entities_path=config.gu1_entities_path, sends_organization=sends_organization)
    finally:
        await gu1.aclose()


def _tried(name: str, attempt: Attempt) -> Result:
    try:
        return Result(name, findings=attempt() or ())
    except (Gu1Error, click.ClickException) as error:
        return Result(name, problem=str(error) or type(error).__name__)


if __name__ == "__main__":
    main()
