"""`make audit-security`: a stranger's requests, gu1's addresses and everybody's texts, by the thousand."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.bench.fleet import DATABASES, SQLITE
from e2e.security_audit.attacked_portal import attacked_portal
from e2e.security_audit.hostile_texts import TextFindings, try_texts
from e2e.security_audit.hostile_traffic import TrafficFindings, send_hostile_traffic
from e2e.servers import sqlite_in
from tests.postgres import HOW_TO_GET_ONE, new_database, server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.security_audit", description=__doc__)
    parser.add_argument("--requests", type=int, default=250_000, help="to a running portal; 0 for none")
    parser.add_argument("--texts", type=int, default=5_000, help="through every field; 0 for none")
    parser.add_argument("--addresses", type=int, default=1_000, help="of hosted pages, as gu1 might send them")
    parser.add_argument("--database", choices=DATABASES, default=SQLITE, help="of the running portal")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("audit-security.json"))
    options = parser.parse_args()
    results: dict[str, Any] = {"seed": options.seed, "database": options.database}
    rows: list[tuple[str, str, str]] = []
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="security-audit-") as folder:
        if options.requests:
            traffic = _traffic(Path(folder), options)
            rows += traffic_rows(traffic)
            faults += traffic.all_faults()
            results["traffic"] = {**vars(traffic), "faults": traffic.all_faults()}
            options.json.write_text(json.dumps(results, indent=1))
        if options.texts or options.addresses:
            texts = asyncio.run(try_texts(Path(folder), options.texts, options.addresses, options.seed))
            rows += text_rows(texts)
            faults += texts.faults
            results["texts"] = {**vars(texts), "led_to": sorted(texts.led_to)}
    print("\n".join(f"{what:<58} {found:>28}  {wanted}".rstrip() for what, found, wanted in rows))
    for fault in faults[:20]:
        print(f"FAULT {fault[:1000]}")
    options.json.write_text(json.dumps(results, indent=1))
    sys.exit(bool(faults))


def _traffic(folder: Path, options: argparse.Namespace) -> TrafficFindings:
    with _database(options.database, folder) as url, attacked_portal(folder, url) as portal:
        return asyncio.run(send_hostile_traffic(portal, options.requests, options.seed))


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == SQLITE:
        yield sqlite_in(folder)
        return
    with server() as running:
        if running is None:
            sys.exit(HOW_TO_GET_ONE)
        with new_database(running) as url:
            yield url.render_as_string(hide_password=False)


def traffic_rows(found: TrafficFindings) -> list[tuple[str, str, str]]:
    memory = f"{found.megabytes_before:.0f} → {found.megabytes_after:.0f} MB"
    return [
        ("requests to a running portal", f"{found.requests:,}", ""),
        ("answers", f"{found.statuses.total():,}", ""),
        *((f"  with status {status}", f"{many:,}", "") for status, many in sorted(found.statuses.items())),
        ("  of them by the server itself", _counted(found.by_server), "only 400 and 431"),
        ("broken requests that were cut off", f"{found.unanswered:,}", ""),
        ("answers 5xx, without a header, or none to a whole request", f"{len(found.faults):,}", "0"),
        ("error lines of the pages in the log", f"{len(found.log_errors):,}", "0"),
        ("resident memory of its processes", memory, "flat"),
        ("/healthz and /readyz afterwards", "200" if found.is_well else "not well", "200"),
    ]


def text_rows(found: TextFindings) -> list[tuple[str, str, str]]:
    return [
        ("texts through every field and string of gu1", f"{found.texts:,}", ""),
        *((f"  answers to: {place}", f"{many:,}", "") for place, many in found.answers.items()),
        ("  answers that show a text, opened in a browser", f"{found.opened:,}", ""),
        ("hostile addresses of hosted pages, followed in a browser", f"{found.addresses:,}", ""),
        ("  addresses outside to which they led", f"{len(found.led_to):,}", "on the list"),
        ("scripts run, policies violated, ways off the list", f"{len(found.faults):,}", "0"),
    ]


def _counted(statuses: dict[int, int]) -> str:
    return ", ".join(f"{status}: {many:,}" for status, many in sorted(statuses.items())) or "none"


if __name__ == "__main__":
    main()
