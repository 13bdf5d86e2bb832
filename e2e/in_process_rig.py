"""Portal and mock in one process, fast enough to try every API variant and every network fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from e2e import judge
from e2e.bench.proxy import Proxy, proxying
from e2e.mock_gu1 import create_mock
from e2e.mock_gu1.ledger import ledger as drawn_up
from e2e.mock_gu1.mock import EXTENSION, Mock
from e2e.mock_gu1.server import serving
from e2e.servers import sqlite_in
from portal.app import add_services, runner_of
from portal.config import Config
from portal.domain.onboarding import ConsentText, Details, Onboarding
from portal.domain.renaper_patience import DEFAULT_PATIENCE, RenaperPatience
from portal.domain.stage import Stage, stage_of
from portal.domain.timings import Timings
from portal.gu1.breaker import Breaker
from portal.gu1.client import Gu1Client
from portal.runner.thread import RunnerThread
from portal.store.database import make_engine, migrate
from portal.web.flask_app import make_flask

SECRET = "whsec_stand"
API_KEY = "gk_sandbox_stand"
BASE_URL = "http://127.0.0.1:8000"

QUICK = Timings(
    refreshes=((100, 0.1),),
    slow_refresh=0.2,
    review_refresh=0.2,
    rare_refreshes=((12, 1.2), (32, 3.0)),
    rare_after_coming=0.75,
    webhooks_trusted_for=6.0,
    webhook_late_after=0.5,
    trust_measured_every=0.05,
    first_backoff=0.02,
    longest_backoff=0.1,
    refused_backoff=0.1,
    longest_refused=1.0,
    reconcile_delay=0.3,
    empty_list_pause=0.1,
    recheck_unanswered=0.1,
    recheck_refused=0.5,
    lease=2.0,
    resend_pause=1.0,
    first_sweep=0.3,
    last_sweep=3.0,
    idle=0.1,
    save_backoff=(0.05, 0.2, 0.5),
)


DEADLINE = 1.0
"""Seconds for one call of gu1 if the rig `hurries`."""
_BREAKER_HURRIES = 10
_ONE_AT_A_TIME = Lock()
"""Guards the set-up: Flask compiles URL rules, which can fail on several threads of Python 3.11."""


class Rig:
    def __init__(self, portal: Flask, mock: Mock, *, mock_url: str, database_url: str, proxy: Proxy | None) -> None:
        self.portal = portal
        self.mock = mock
        self.mock_url = mock_url
        self.database_url = database_url
        self.onboardings = portal.extensions["portal"].onboardings
        # A client per call would take longer than the calls.
        self.client = httpx.Client(trust_env=False, verify=False)
        self.dies: Callable[[], None] = lambda: None
        """Ends all work of the portal as SIGKILL does, and starts it again on the same database."""
        self._proxy = proxy
        self._forms = 0

    @property
    def proxy(self) -> Proxy:
        """The proxy between portal and mock; needs `is_proxied`."""
        assert self._proxy
        return self._proxy

    def deliver(self, _url: str, body: bytes, headers: dict[str, str]) -> int:
        """Posts a webhook to the portal; returns the HTTP status."""
        door = self.portal.test_client()
        return door.post("/webhooks/gu1", data=body, headers=dict(headers), base_url=BASE_URL).status_code

    def start(self, document_number: str, country: str = "AR") -> str:
        self._forms += 1
        details = Details(country=country, document_number=document_number, first_name="Ana", last_name="Pérez")
        started = self.onboardings.start(details, locale="es-AR", consent=ConsentText("1"), nonce=str(self._forms))
        return str(started.id)

    def onboarding(self, onboarding_id: str) -> Onboarding:
        return self.onboardings.get(onboarding_id)  # type: ignore[no-any-return]

    def stage(self, onboarding_id: str) -> Stage:
        return stage_of(self.onboarding(onboarding_id), max_attempts=3)

    def arrives(self, onboarding_id: str, *stages: Stage, within: float = 15.0) -> Onboarding:
        """Waits until the onboarding reaches one of the stages; fails with its current stage."""
        deadline = time.monotonic() + within
        while self.stage(onboarding_id) not in stages:
            assert time.monotonic() < deadline, (self.stage(onboarding_id), self.onboarding(onboarding_id))
            time.sleep(0.02)
        return self.onboarding(onboarding_id)

    def opens_hosted_page(self, onboarding_id: str) -> str:
        url = self.onboardings.open_hosted_page(onboarding_id)
        assert url
        self.client.get(url).raise_for_status()
        return str(url)

    def ends(self, onboarding_id: str, outcome: str) -> None:
        """Ends the session as the person on the hosted page would."""
        validation = self.onboarding(onboarding_id).validation
        assert validation
        self.tell(f"validations/{validation.gu1_id}/outcome", outcome=outcome)

    def approves_by_hand(self, onboarding_id: str) -> None:
        """As a compliance officer does at gu1."""
        validation = self.onboarding(onboarding_id).validation
        assert validation
        self.client.post(
            f"{self.mock_url}/api/kyc/validations/{validation.gu1_id}/approve",
            json={"reason": "Looked at by hand"},
            headers={"Authorization": f"Bearer {API_KEY}"},
        ).raise_for_status()

    def tell(self, path: str, **body: Any) -> None:
        answer = self.client.post(f"{self.mock_url}/_mock/{path}", json=body)
        assert answer.is_success, answer.text

    def ledger(self) -> list[dict[str, Any]]:
        return list(drawn_up(self.mock.state.validations())["validations"])

    def agrees_with_the_ledger(self) -> None:
        judge.judge(self.mock_url, self.database_url)


@contextmanager
def rig(
    folder: Path,
    *,
    database_url: str | None = None,
    is_migrated: bool = False,
    deliver: Callable[..., int] | None = None,
    is_proxied: bool = False,
    hurries: bool = False,
    renaper_patience: RenaperPatience = DEFAULT_PATIENCE,
    **options: Any,
) -> Iterator[Rig]:
    """`options` go to the mock; `deliver` replaces the delivery of its webhooks to the portal.

    `is_proxied` puts a fault proxy between the two; `hurries` gives the gu1 client timeouts that match the
    quick timings.
    """
    running: Rig | None = None

    def to_portal(url: str, body: bytes, headers: dict[str, str]) -> int:
        assert running
        return (deliver or running.deliver)(url, body, headers)

    with _ONE_AT_A_TIME:
        mock = create_mock(
            api_key=API_KEY,
            webhook_url=f"{BASE_URL}/webhooks/gu1",
            webhook_secret=SECRET,
            auto_delay=0.1,
            deliver=to_portal,
            pauses=(0.05, 0.05),
            **options,
        )
    mock.jinja_env.bytecode_cache = FileSystemBytecodeCache()
    with serving(mock) as server, proxying(server.url) if is_proxied else nullcontext() as proxy:
        config = _config(proxy.url if proxy else server.url, database_url or sqlite_in(folder), renaper_patience)
        if not is_migrated:
            engine = make_engine(config.database_url)
            migrate(engine)
            engine.dispose()
        with _ONE_AT_A_TIME:
            app = make_flask(config)
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache()
        process = _Process(app, config, hurries=hurries)
        process.start()
        try:
            parts: Mock = mock.extensions[EXTENSION]
            running = Rig(app, parts, mock_url=server.url, database_url=config.database_url, proxy=proxy)
            running.dies = process.die
            yield running
            running.client.close()
        finally:
            # The mock's delivery thread never ends and would keep the whole portal in memory.
            running = None
            process.stop()


class _Process:
    """The portal's services and its runner."""

    def __init__(self, app: Flask, config: Config, *, hurries: bool) -> None:
        self._app = app
        self._config = config
        self._hurries = hurries
        self._engine: Engine
        self._engines: list[Engine] = []
        self._dead: list[RunnerThread] = []

    def start(self) -> None:
        self._engine = make_engine(self._config.database_url)
        self._engines.append(self._engine)
        gu1 = _impatient_client(self._config) if self._hurries else None
        with _ONE_AT_A_TIME:
            add_services(self._app, self._config, self._engine, gu1=gu1, timings=QUICK)
        runner_of(self._app).start()

    def die(self) -> None:
        """Nothing that it does from now on reaches the database."""
        event.listen(self._engine, "before_cursor_execute", _refuse)
        self._dead.append(runner_of(self._app))
        self.start()

    def stop(self) -> None:
        for runner in (*self._dead, runner_of(self._app)):
            runner.stop()
        for engine in self._engines:
            engine.dispose()


def _refuse(*_: object) -> None:
    raise OperationalError("the process is dead", None, Exception())


def _config(gu1_url: str, database_url: str, renaper_patience: RenaperPatience) -> Config:
    return Config(
        base_url=BASE_URL,
        secret_keys=("k" * 32,),
        database_url=database_url,
        gu1_base_url=gu1_url,
        gu1_api_key=API_KEY,
        gu1_webhook_secrets=(SECRET,),
        gu1_provider_hosts=("127.0.0.1",),
        gu1_renaper_patience=renaper_patience,
    )


def _impatient_client(config: Config) -> Gu1Client:
    return Gu1Client(
        base_url=config.gu1_base_url,
        api_key=config.gu1_api_key,
        integration_code=config.gu1_integration_code,
        entities_path=config.gu1_entities_path,
        deadline=DEADLINE,
        connect_timeout=DEADLINE / 2,
        breaker=Breaker(lambda: time.monotonic() * _BREAKER_HURRIES),
    )
