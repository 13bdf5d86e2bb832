"""All that docs/operating.md promises to go by unnoticed, under load: `make rolling`.

    python -m e2e.bench.rolling [--short] [--rate 50] [--previous REVISION] [--json FILE]

Two replicas behind nginx, on PostgreSQL behind PgBouncer, all on this machine. Where 0 failed requests are promised
none may fail; elsewhere a request may be refused with 503 and Retry-After, and nothing else. At the end everything that
was confirmed is looked for at gu1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from e2e.bench.command import run_command
from e2e.bench.rolling.steady_load import SteadyLoad, table
from e2e.bench.rolling.two_replicas import PATIENCE, Kept, Site, two_replicas
from e2e.bench.upgrade import as_previous, taken_out
from e2e.judge import judge, ledger
from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.envelopes import signature
from e2e.proxies import NGINX
from e2e.servers import ROOT, Server
from tests.pgbouncer import PROGRAM as PGBOUNCER
from tests.postgres import binaries

_MIGRATIONS = "portal/store/migrations/versions"


@dataclass(frozen=True, slots=True)
class Length:
    restarts: int
    pause: float
    """Seconds of load between two steps."""
    one_kind_at_a_time: bool


LONG, SHORT = Length(5, 5.0, True), Length(1, 1.0, False)


def missing() -> str | None:
    """What this machine lacks for it."""
    needed = {"nginx": NGINX, "pgbouncer": PGBOUNCER, "postgresql": binaries()}
    lacking = [name for name, found in needed.items() if found is None]
    return f"not installed: {', '.join(lacking)} (Debian: packages of these names)" if lacking else None


def release_before() -> str:
    """The commit before the newest migration, so that its schema is the previous one."""
    command = ["git", "log", "-1", "--format=%H~1", "--diff-filter=A", "--", _MIGRATIONS]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def run(length: Length, *, rate: float, previous: str) -> SteadyLoad:
    with tempfile.TemporaryDirectory() as own:
        folder, tree = Path(own), Path(own) / "previous"
        Path(own).chmod(0o755)
        no_previous = taken_out(previous, tree) if previous else "git has no earlier migration"
        if no_previous:
            print(f"skipped: both releases on one database; {no_previous}")
        with two_replicas(folder, None if no_previous else tree) as site:
            site.run("migrate", by_previous=True)
            new = list(site.replicas)
            if site.previous:
                site.replicas[:] = [as_previous(it, site.previous) for it in new]
            for replica in site.replicas:
                replica.start()
            secrets = site.secrets
            load = SteadyLoad(
                site.url,
                site.trusted,
                rate,
                partner_key=secrets.partner.values["old"],
                webhook_secret=secrets.webhooks.values["old"],
            )
            try:
                with load.running():
                    _all_phases(site, load, new, length)
                _nothing_lost(site, load)
            finally:
                print(table(load.rows))
                print(*errors_of(new), sep="\n", flush=True)
            return load


def errors_of(replicas: Sequence[Server]) -> list[str]:
    """What they logged as errors, once each, but that the database failed, which it was made to."""
    found = {}
    for line in (line for replica in replicas for line in replica.log.read_text().splitlines()):
        told = json.loads(line) if line.startswith("{") else {"level": "error", "message": line}
        if told["level"] == "error" and not told["message"].startswith("the database failed"):
            found.setdefault(re.sub(r"[0-9a-f]{8,}", "…", told["message"]), line)
    return list(found.values())


def _all_phases(site: Site, load: SteadyLoad, new: list[Server], length: Length) -> None:
    with load.phase("as usual"):
        time.sleep(3 * length.pause)
    if site.previous:
        _releases(site, load, new, length)
    with load.phase(f"each replica restarted {length.restarts} times"):
        for _ in range(length.restarts):
            for replica in site.replicas:
                _restart(replica)
                time.sleep(length.pause)
    _rotations(site, load, length)
    _database(site, load, length)
    with load.phase("as usual again"):
        time.sleep(3 * length.pause)


def _releases(site: Site, load: SteadyLoad, new: list[Server], length: Length) -> None:
    old = list(site.replicas)
    with load.phase("schema migrated under the previous release"):
        print(_by(new[0], site, "migrate"), end="")
        time.sleep(length.pause)
    ways = [("rolled out", new), ("rolled back", old), ("rolled out again", new)]
    for name, to in ways:
        with load.phase(name):
            for at, replica in enumerate(to):
                site.replicas[at].stop()
                site.replicas[at] = replica
                replica.start()
                time.sleep(length.pause)


def _by(replica: Server, site: Site, command: str) -> str:
    kept, site.replicas[0] = site.replicas[0], replica
    try:
        return site.run(command)
    finally:
        site.replicas[0] = kept


def _restart(replica: Server) -> None:
    """Only the first process is told, as containers do."""
    assert replica.process
    os.kill(replica.process.pid, signal.SIGTERM)
    replica.process.wait(PATIENCE)
    replica.start()


def _rotations(site: Site, load: SteadyLoad, length: Length) -> None:
    secrets = site.secrets
    kinds: dict[str, tuple[Kept, ...]] = {
        "the portal's keys": (secrets.keys,),
        "gu1's webhook secret": (secrets.webhooks,),
        "a partner's key and signing secret": (secrets.partner, secrets.signing),
    }
    if length.one_kind_at_a_time:
        for name, kept in kinds.items():
            _rotate(site, load, name, kept, length)
    else:
        _rotate(site, load, "all three kinds of secrets", [it for kept in kinds.values() for it in kept], length)


def _rotate(site: Site, load: SteadyLoad, name: str, kinds: Sequence[Kept], length: Length) -> None:
    secrets = site.secrets

    def listed(*names: str) -> None:
        for kept in kinds:
            kept.listed = names
        secrets.write()
        site.reload()
        site.run("check")

    with load.phase(f"{name}: new one added"):
        listed("old", "new")
        time.sleep(length.pause)
    with load.phase(f"{name}: new one used"):
        listed("new", "old")
        if secrets.partner in kinds:
            load.partner_key = secrets.partner.values["new"]
        if secrets.webhooks in kinds:
            load.webhook_secret = secrets.webhooks.values["new"]
        if secrets.keys in kinds:
            print(site.run("rekey"), end="")
            load.forget_links()
        time.sleep(length.pause)
    with load.phase(f"{name}: old one taken out"):
        listed("new")
        time.sleep(length.pause)
    _refuses_old(site, kinds)


def _refuses_old(site: Site, kinds: Sequence[Kept]) -> None:
    """So that the rotation was one."""
    with httpx.Client(base_url=site.url, verify=site.trusted, trust_env=False) as client:
        if site.secrets.partner in kinds:
            key = {"Authorization": f"Bearer {site.secrets.partner.values['old']}"}
            assert client.get("/api/v1/onboardings/none", headers=key).status_code == 401
        if site.secrets.webhooks in kinds:
            signed = {SIGNATURE_HEADER: signature(site.secrets.webhooks.values["old"], b"{}")}
            assert client.post("/webhooks/gu1", content=b"{}", headers=signed).status_code == 401


def _database(site: Site, load: SteadyLoad, length: Length) -> None:
    times = range(1 if length is SHORT else 3)
    with load.phase("pooler replaced by a new process"):
        for _ in times:
            site.pooler.replace()
            time.sleep(length.pause)
    with load.phase("PostgreSQL restarted while the pooler pauses"):
        for _ in times:
            site.pooler.command("PAUSE")
            site.cluster.stop()
            site.cluster.start()
            site.pooler.command("RESUME")
            time.sleep(length.pause)
    with load.phase("PostgreSQL restarted", promised=False):
        for _ in times:
            site.cluster.stop()
            site.cluster.start()
            time.sleep(5 + length.pause)
    with load.phase("pooler stopped and started", promised=False):
        for _ in times:
            site.pooler.stop()
            site.pooler.start()
            time.sleep(5 + length.pause)


def _nothing_lost(site: Site, load: SteadyLoad) -> None:
    """Each confirmed form leads to one validation at gu1, and the portal's rows agree with gu1's."""
    wanted, deadline = set(load.acknowledged), time.monotonic() + PATIENCE
    while missing := wanted - {it["onboarding"] for it in ledger(site.gu1.url)}:
        if time.monotonic() > deadline:
            raise AssertionError(f"{len(missing)} of {len(wanted)} confirmed forms never reached gu1: {missing}")
        time.sleep(0.5)
    twice = {it: n for it, n in Counter(it["onboarding"] for it in ledger(site.gu1.url)).items() if n > 1}
    assert not twice, f"more than one validation: {twice}"
    judge(site.gu1.url, site.database.render_as_string(hide_password=False))
    print(f"{len(wanted)} forms were confirmed; each has one validation at gu1.")


def main() -> None:
    told = argparse.ArgumentParser(prog="python -m e2e.bench.rolling", description=__doc__)
    told.formatter_class = argparse.RawDescriptionHelpFormatter
    told.add_argument("--short", action="store_true", help="one restart each, all secrets at once: two minutes")
    told.add_argument("--rate", type=float, default=50.0, help="requests a second (default: %(default)s)")
    told.add_argument("--previous", default="", help="a revision of the history (default: before the newest migration)")
    told.add_argument("--json", type=Path, help="a file for the table's lines")
    given = told.parse_args()
    if lacking := missing():
        print(f"skipped: {lacking}")
        return
    # Not at a lower priority: a portal that gets no processor answers 503, which would be counted here.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    load = run(SHORT if given.short else LONG, rate=given.rate, previous=given.previous or release_before())
    if given.json:
        given.json.write_text(json.dumps([it.as_json() for it in load.rows], indent=1))
    sys.exit(not all(it.is_kept for it in load.rows))


if __name__ == "__main__":
    run_command(main)
