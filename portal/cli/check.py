"""portal check"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from portal.cli.common import database, registry, settings
from portal.cli.serve import default_workers
from portal.cli.setting_warnings import suspicious_secrets, warnings_about
from portal.cli.weaknesses import weaknesses_of
from portal.config import Config
from portal.domain.errors import Gu1Error
from portal.domain.limit_storage import IN_MEMORY
from portal.gu1.probe.report import Finding, probe
from portal.smtp.smtp_client import MailServerError, SmtpClient
from portal.store.connection_limits import ConnectionLimits, connection_limits, connections_of_process
from portal.store.database import Schema, schema_of
from portal.store.encryption import ColumnCipher
from portal.store.pooler import Pooler, pooler_of
from portal.store.sealed_values import SealedValues
from portal.store.served_addresses import ServedAddresses

_MOST_SEALED = 10_000

Check = Callable[[], tuple[Finding, ...] | None]


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    problem: str | None = None
    findings: tuple[Finding, ...] = ()
    warns: bool = False


@click.command()
def check() -> None:
    """Try the configuration, the database and the gu1 key, and say which gu1 the key leads to."""
    found = settings()
    config = found.config
    weaknesses = weaknesses_of(config, secret_files=found.environment.secret_files)
    warnings, weaknesses = warnings_about(found), (*suspicious_secrets(config), *weaknesses)
    results = [
        Result("configuration", findings=warnings, warns=bool(warnings)),
        Result("security", findings=weaknesses, warns=bool(weaknesses)),
    ]
    results += [_run(name, check) for name, check in _checks(config)]
    width = max(len(result.name) for result in results)
    for result in results:
        verdict = "FAILED" if result.problem is not None else "WARNING" if result.warns else "ok"
        click.echo(f"{result.name:<{width}}  {verdict}  {result.problem or ''}".rstrip())
        _show(result.findings)
    sys.exit(any(result.problem for result in results))


def _show(findings: Sequence[Finding]) -> None:
    """Indented, each with its row in the documented table of gu1's contradictions."""
    width = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        row = f"  (row {finding.row})" if finding.row else ""
        click.echo(f"  {finding.what:<{width}}  {finding.found}{row}")


def _checks(config: Config) -> Iterator[tuple[str, Check]]:
    yield "egress", lambda: _check_egress(config)
    yield "database", lambda: _check_database(config)
    yield "schema", lambda: _check_schema(config)
    yield "address", lambda: _check_address(config)
    yield "sealed values", lambda: _check_sealed_values(config)
    yield "partners", lambda: _check_partners(config)
    if config.smtp_server and config.mail_from:
        client = SmtpClient(config.smtp_server, config.mail_from, config.host, lambda: datetime.now(UTC))
        yield "mail", lambda: _check_mail(client)
    yield "gu1 key", lambda: asyncio.run(_check_gu1(config))


def _check_egress(config: Config) -> tuple[Finding, ...]:
    """Which way calls go out. Variables that other programs read are not used, for they are often another program's."""
    given = [name for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if os.environ.get(name)]
    if config.egress_proxy:
        by_the_proxy = "the proxy resolves the names of partners' backends: let it refuse private networks"
        direct = ", ".join(("loopback", *config.egress_proxy.direct))
        return (
            Finding("to gu1 and partners", f"through {config.egress_proxy.url}"),
            Finding("without it", direct),
            Finding("addresses", by_the_proxy),
        )
    if given:
        unused = f"{given[0]} is set and not used: set PORTAL_EGRESS_PROXY if calls have to go through it"
        return (Finding("to gu1 and partners", f"directly; {unused}", is_warning=True),)
    return (Finding("to gu1 and partners", "directly"),)


def _check_database(config: Config) -> tuple[Finding, ...]:
    with database(config) as engine:
        schema_of(engine)  # reads from the database
        limits, pooler = connection_limits(engine), pooler_of(engine)
    if pooler:
        return (_behind_pooler(config, pooler),)
    return (_connections(config, limits), *_counted_apart(config, limits)) if limits else ()


def _behind_pooler(config: Config, pooler: Pooler) -> Finding:
    """How many connections the server has is then the pooler's to share."""
    of_replica = default_workers() * connections_of_process(config.database_pool_size)
    found = f"PgBouncer or one like it, in {pooler} mode; it has to take {of_replica} clients for each replica"
    if pooler is Pooler.TRANSACTION:
        return Finding("pooler", f"{found}; work is looked for every second, as notifications do not pass")
    each = "every client takes a connection of the server's for itself: transaction mode shares them"
    return Finding("pooler", f"{found}; {each}")


def _connections(config: Config, limits: ConnectionLimits) -> Finding:
    """Whether the replicas that run now, or this one, could open all that their processes may."""
    of_process, workers = connections_of_process(config.database_pool_size), default_workers()
    replicas = max(1, limits.machines)
    most = replicas * workers * of_process
    sum_of_all = f"{replicas} × {workers} workers × {of_process} = {most}, and there is room for {limits.allowed}"
    if most <= limits.allowed:
        return Finding("connections", sum_of_all)
    advice = "raise max_connections, lower PORTAL_DATABASE_POOL_SIZE or run fewer --workers"
    return Finding("connections", f"{sum_of_all}: {advice}", is_warning=True)


def _counted_apart(config: Config, limits: ConnectionLimits) -> Iterator[Finding]:
    if limits.machines > 1 and config.request_limit_storage == IN_MEMORY:
        found = f"each of {limits.machines} machines allows as much: PORTAL_RATE_LIMIT_STORAGE can name a Redis for all"
        yield Finding("request limits", found)


def _check_schema(config: Config) -> None:
    with database(config) as engine:
        # `portal serve` migrates a SQLite database itself.
        if not config.is_sqlite and schema_of(engine) is Schema.BEHIND:
            raise click.ClickException("older than this release; run: portal migrate")


def _check_address(config: Config) -> tuple[Finding, ...]:
    """Whether portals of another address run on this database: links that one makes lead to the other."""
    with database(config) as engine:
        if schema_of(engine) is Schema.BEHIND:
            return ()
        others = ServedAddresses(engine).others(config.base_url, datetime.now(UTC))
    advice = f"serves this database too: PORTAL_BASE_URL or PORTAL_DATABASE_URL is another's, here {config.base_url}"
    return tuple(Finding(it, advice, is_warning=True) for it in others)


def _check_sealed_values(config: Config) -> tuple[Finding, ...]:
    """Whether this machine's keys open what is stored: before a key moves or goes, every replica's have to."""
    with database(config) as engine:
        if schema_of(engine) is Schema.BEHIND:
            return ()
        counted = SealedValues(engine, ColumnCipher(config.secret_keys)).count_by_key(limit=_MOST_SEALED)
    if counted[None]:
        raise click.ClickException(f"no key opens {counted[None]} values: list the key that sealed them")
    return tuple(Finding(f"key {place + 1}", f"opens {counted[place]}") for place in range(len(config.secret_keys)))


def _check_partners(config: Config) -> tuple[Finding, ...]:
    known = registry(config.partners_path, development=config.development).partners.values()
    return tuple(Finding(partner.slug, partner.described) for partner in known)


def _check_mail(client: SmtpClient) -> tuple[Finding, ...]:
    """Sends none: only the server's word about the first mail shows whether it takes them."""
    try:
        how = asyncio.run(client.check())
    except MailServerError as error:
        raise click.ClickException(f"PORTAL_SMTP_URL, {client.server.host}:{client.server.port}: {error}") from None
    return (Finding(f"{client.server.host}:{client.server.port}", f"takes mails of {client.sender}, {how}"),)


async def _check_gu1(config: Config) -> tuple[Finding, ...]:
    """Makes a few reads, free of charge."""
    # Imported late: the metrics in these decide at import whether several processes share them.
    from portal.gu1.client import make_gu1  # noqa: PLC0415
    from portal.metrics import Metrics  # noqa: PLC0415

    gu1 = make_gu1(config, Metrics())
    sends_organization = config.gu1_organization_id is not None
    try:
        return await probe(gu1.probe, entities_path=config.gu1_entities_path, sends_organization=sends_organization)
    finally:
        await gu1.aclose()


def _judged(name: str, findings: tuple[Finding, ...]) -> Result:
    return Result(name, findings=findings, warns=any(it.is_warning for it in findings))


def _run(name: str, check: Check) -> Result:
    try:
        return _judged(name, check() or ())
    except (Gu1Error, click.ClickException) as error:
        return Result(name, problem=str(error) or type(error).__name__)
