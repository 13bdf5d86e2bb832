"""`make demo`: runs the mock gu1, the portal and a sample partner, and prints links to try."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx

from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.servers import ROOT, Environment, Server, environment, partner_site

FOLDER = ROOT / ".demo"
PARTNER_PORT, SMTP_PORT = 8100, 9025
PARTNER_URL = f"http://127.0.0.1:{PARTNER_PORT}"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    partner = RegisteredPartner("banco-ejemplo", PARTNER_URL, f"{PARTNER_URL}/hooks")
    env = write_partners_file(FOLDER / "partners.toml", partner)
    env |= {"PORTAL_SMTP_URL": f"smtp://127.0.0.1:{SMTP_PORT}", "PORTAL_MAIL_FROM": "Demo <verify@portal.example>"}
    with (
        environment(
            FOLDER, portal_port=8000, gu1_port=9000, env=env, mock_arguments=("--smtp-port", str(SMTP_PORT))
        ) as running,
        partner_site(
            FOLDER, port=PARTNER_PORT, partner=partner, portal_url=running.portal.url, provider=running.gu1.url
        ) as shop,
    ):
        _print_links(running, shop)
        _wait_for_ctrl_c()
        print("\nStopping…")


def _print_links(running: Environment, shop: Server) -> None:
    rows = httpx.get(running.gu1.url + "/_mock/scenarios", trust_env=False).json()["scenarios"]
    print(f"\n  The portal         {running.portal.url}/")
    for tag in ("es-AR", "es", "pt-BR", "en"):
        print(f"    in {tag:<15} {running.portal.url}/?lang={tag}")
    print(f"  A partner's site   {shop.url}/")
    print(f"    in a frame       {shop.url}/frame")
    print(f"    by redirect      {shop.url}/redirect")
    print(f"  The mock gu1       {running.gu1.url}/")
    print(f"  Mails              {running.gu1.url}/mails")
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
