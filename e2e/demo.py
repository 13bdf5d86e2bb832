"""`make demo` and `portal demo`: runs the mock gu1, the portal and a sample partner, and prints links to try."""

from __future__ import annotations

import argparse
import signal
import threading
from functools import partial
from pathlib import Path

import httpx

from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.servers import ROOT, Environment, Server, environment, partner_site, portal
from tests.local_http import LOCAL


def main() -> None:
    options = parser().parse_args()
    folder, listen = options.folder.resolve(), ("--host", options.host)
    portal_port, gu1_port, shop_port, smtp_port = options.ports
    folder.mkdir(exist_ok=True)
    shop_url = f"http://127.0.0.1:{shop_port}"
    partner = RegisteredPartner("banco-ejemplo", shop_url, f"{shop_url}/hooks")
    env = write_partners_file(folder / "partners.toml", partner)
    env |= {"PORTAL_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}", "PORTAL_MAIL_FROM": "Demo <verify@portal.example>"}
    with (
        environment(
            folder,
            portal_port=portal_port,
            gu1_port=gu1_port,
            env=env,
            mock_arguments=(*listen, "--smtp-port", str(smtp_port)),
            serve=partial(portal, arguments=listen),
        ) as running,
        partner_site(
            folder,
            port=shop_port,
            partner=partner,
            portal_url=running.portal.url,
            provider=running.gu1.url,
            arguments=(*listen, "--url", shop_url),
        ) as shop,
    ):
        _print_links(running, shop, partner)
        _wait_for_ctrl_c()
        print("\nStopping…")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m e2e.demo", description=__doc__)
    options.add_argument("--host", default="127.0.0.1", help="default: %(default)s; the links are to 127.0.0.1")
    options.add_argument("--folder", type=Path, default=ROOT / ".demo", help="for the database, the logs and so on")
    options.add_argument(
        "--ports", type=_ports, default=(8000, 9000, 8100, 9025), help="of portal, mock, shop and SMTP server"
    )
    return options


def _ports(text: str) -> tuple[int, ...]:
    ports = tuple(int(port) for port in text.split(","))
    if len(ports) != 4 or len(set(ports)) != 4 or not all(0 < port < 2**16 for port in ports):
        raise argparse.ArgumentTypeError("four different ports are needed")
    return ports


def _print_links(running: Environment, shop: Server, partner: RegisteredPartner) -> None:
    rows = httpx.get(running.gu1.url + "/_mock/scenarios", **LOCAL).json()["scenarios"]
    print(f"\n  The portal         {running.portal.url}/")
    for tag in ("es-AR", "es", "pt-BR", "en"):
        print(f"    in {tag:<15} {running.portal.url}/?lang={tag}")
    print(f"  A partner's site   {shop.url}/")
    print(f"    in a frame       {shop.url}/frame")
    print(f"    by redirect      {shop.url}/redirect")
    print(f"  The mock gu1       {running.gu1.url}/")
    print(f"  Mails              {running.gu1.url}/mails")
    print(f"  Logs and database  {running.folder}/\n")
    print("  For a backend of your own, in the place of the sample site:")
    print(f"    export PORTAL={running.portal.url} KEY={partner.api_key}")
    print(f"    export SECRET={partner.signing_secret}")
    print(f"    its address has to be {shop.url}, with /done and /hooks\n")
    print("  Document number (Argentina)  whose  what will happen")
    for row in rows:
        whose = "gu1" if row["origin"] == "gu1" else "ours"
        print(f"  {row['document']:<27}  {whose:<5}  {row['what']}")
    print("  any other                           You choose the outcome on the mock's hosted page\n")
    print("  Ctrl-C stops all.\n", flush=True)


def _wait_for_ctrl_c() -> None:
    over = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: over.set())
    over.wait()


if __name__ == "__main__":
    main()
