"""Two partners, a stranger, the portal and the provider, each on its own site."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from flask import Flask

from e2e import servers
from e2e.judge import judge
from e2e.mock_gu1 import create_mock
from e2e.mock_gu1.server import serving
from e2e.mock_gu1.webhooks import over_http
from e2e.partner_site import policy
from e2e.partner_site.app import create_site
from e2e.partner_site.bank import Bank
from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.sites.authority import Authority
from e2e.sites.front import Front, fronting
from e2e.sites.stranger import create_stranger
from e2e.sites.windows import PATIENCE
from tests.ports import free_port

PORTAL, PROVIDER = "https://portal.test", "https://provider.test"
SHOP, BANK, STRANGER = "https://shop.test", "https://bank.test", "https://stranger.test"
JAR = "https://jar.test"
"""The stranger by another name."""


@dataclass(frozen=True)
class Sites:
    front: Front
    authority: Authority
    clients: dict[str, httpx.Client]
    """Clients of the portal's API, each with a partner's key."""
    banks: dict[str, Bank]
    gu1_url: str
    database_url: str

    def onboarding(self, partner: str, **wish: Any) -> dict[str, Any]:
        """Creates an onboarding as the partner's backend does."""
        answer = self.clients[partner].post("/api/v1/onboardings", json=wish).raise_for_status()
        return dict(answer.json())

    def hears(self, partner: str, customer_id: str, status: str) -> None:
        """Waits for a notification to the partner's backend."""
        bank, deadline = self.banks[partner], time.monotonic() + PATIENCE
        wanted = f"{bank.customers[customer_id].onboarding_id} {status}"
        while not any("/hooks" in what and words == wanted for what, words in bank.log):
            assert time.monotonic() < deadline, list(bank.log)
            time.sleep(0.1)

    def judge(self) -> None:
        judge(self.gu1_url, self.database_url)


@contextmanager
def cross_site(folder: Path) -> Iterator[Sites]:
    ports = {_host(it): free_port() for it in (PORTAL, PROVIDER, SHOP, BANK, STRANGER)}
    ports[_host(JAR)] = ports[_host(STRANGER)]
    authority, database_url = Authority(folder), servers.sqlite_in(folder)
    # One partner sends a Permissions-Policy; the other has none, like most sites.
    shop, bank = _registered(SHOP, ports), _registered(BANK, ports)
    with ExitStack() as running:
        front = running.enter_context(fronting(ports, authority.server(ports)))
        gu1 = running.enter_context(serving(_provider(ports), port=ports[_host(PROVIDER)]))
        env = _SETTINGS | write_partners_file(folder / "partners.toml", shop, bank)
        running.enter_context(servers.portal(folder, port=ports[_host(PORTAL)], gu1_url=gu1.url, env=env))
        clients = {it.site: running.enter_context(_client(it, front, authority)) for it in (shop, bank)}
        banks = {it.site: _bank(it, clients[it.site]) for it in (shop, bank)}
        for partner, bank_of in banks.items():
            site = _pages(bank_of, for_camera=partner == SHOP)
            running.enter_context(serving(site, port=ports[_host(partner)]))
        running.enter_context(serving(create_stranger(PORTAL), port=ports[_host(STRANGER)]))
        yield Sites(front, authority, clients, banks, gu1.url, database_url)


_SETTINGS = {"PORTAL_BASE_URL": PORTAL, "GU1_PROVIDER_HOSTS": PROVIDER.removeprefix("https://")}


def _registered(site: str, ports: dict[str, int]) -> RegisteredPartner:
    return RegisteredPartner(_host(site).partition(".")[0], site, f"http://127.0.0.1:{ports[_host(site)]}/hooks")


def _provider(ports: dict[str, int]) -> Flask:
    """The mock; its webhooks go directly to the portal's port, with the portal's Host header."""

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        return over_http(url, body, headers | {"Host": _host(PORTAL)})

    return create_mock(
        api_key=servers.API_KEY,
        public_url=PROVIDER,
        return_url=f"{PORTAL}/return",
        asks_camera=True,
        webhook_url=f"http://127.0.0.1:{ports[_host(PORTAL)]}/webhooks/gu1",
        webhook_secret=servers.WEBHOOK_SECRET,
        deliver=deliver,
    )


def _client(partner: RegisteredPartner, front: Front, authority: Authority) -> httpx.Client:
    headers = {"Authorization": f"Bearer {partner.api_key}"}
    return httpx.Client(base_url=PORTAL, headers=headers, proxy=front.url, verify=authority.client(), trust_env=False)


def _bank(partner: RegisteredPartner, client: httpx.Client) -> Bank:
    return Bank(url=partner.site, portal=client, signing_secrets=(partner.signing_secret,))


def _pages(bank: Bank, *, for_camera: bool) -> Flask:
    return create_site(bank, portal_url=PORTAL, headers=policy.headers(PORTAL, PROVIDER, for_camera=for_camera))


def _host(origin: str) -> str:
    return origin.removeprefix("https://")
