"""`make demo`: the mock gu1 and the portal on this machine, with what to try."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx

from e2e.servers import ROOT, World, world

FOLDER = ROOT / ".demo"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with world(FOLDER, portal_port=8000, gu1_port=9000) as running:
        _print_links(running)
        _wait_for_ctrl_c()
        print("\nStopping…")


def _print_links(running: World) -> None:
    rows = httpx.get(running.gu1.url + "/_mock/scenarios", trust_env=False).json()["scenarios"]
    print(f"\n  The portal         {running.portal.url}/")
    for tag in ("es-AR", "es", "pt-BR", "en"):
        print(f"    in {tag:<15} {running.portal.url}/?lang={tag}")
    print(f"  The mock gu1       {running.gu1.url}/")
    print(f"  Logs and database  {_relative(running.folder)}/\n")
    print("  Document number (Argentina)  whose  what will happen")
    for row in rows:
        whose = "gu1" if row["origin"] == "gu1" else "ours"
        print(f"  {row['document']:<27}  {whose:<5}  {row['what']}")
    print("  any other                           You choose the outcome on the mock's hosted page\n")
    print("  Ctrl-C stops all.\n", flush=True)


def _relative(folder: Path) -> Path:
    return folder.relative_to(ROOT)


def _wait_for_ctrl_c() -> None:
    over = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: over.set())
    over.wait()


if __name__ == "__main__":
    main()
