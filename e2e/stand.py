"""Portal and mock in one process: quick enough to try every world of gu1's and every fault of the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from flask import Flask

from e2e import judge
from e2e.mock_gu1 import create_mock
from e2e.mock_gu1.server import serving
from e2e.servers import sqlite_in
from portal.app import background_of, create_app
from portal.config import Config
from portal.domain.onboarding import Details, Onboarding
from portal.domain.stage import Stage, stage_of
from portal.services.pace import Pace
from portal.store.engine import make_engine, migrate

SECRET = "whsec_stand"
API_KEY = "gk_sandbox_stand"
BASE_URL = "http://127.0.0.1:8000"

QUICK = Pace(
    refreshes=((100, 0.1),),
    slow_refresh=0.2,
    review_refresh=0.2,
    first_backoff=0.02,
    longest_backoff=0.1,
    refused_backoff=0.1,
    quiet=0.3,
    look_again=0.1,
    lease=2.0,
    sweep=0.1,
)


class Stand:
    def __init__(self, portal: Flask, mock_url: str, database_url: str) -> None:
        self.portal = portal
        self.mock_url = mock_url
        self.onboardings = portal.extensions["portal"].onboardings
        self._database_url = database_url
        self._forms = 0

    def start(self, document_number: str, country: str = "AR") -> str:
        self._forms += 1
        details = Details(country=country, document_number=document_number, first_name="Ana", last_name="Pérez")
        started = self.onboardings.start(details, locale="es-AR", consent_version="1", nonce=str(self._forms))
        return str(started.id)

    def onboarding(self, onboarding_id: str) -> Onboarding:
        return self.onboardings.get(onboarding_id)  # type: ignore[no-any-return]

    def stage(self, onboarding_id: str) -> Stage:
        return stage_of(self.onboarding(onboarding_id), max_attempts=3)

    def arrives(self, onboarding_id: str, *stages: Stage, within: float = 15.0) -> Onboarding:
        """Waits until the onboarding comes to one of the stages; says where it stands where it does not."""
        deadline = time.monotonic() + within
        while self.stage(onboarding_id) not in stages:
            assert time.monotonic() < deadline, (self.stage(onboarding_id), self.onboarding(onboarding_id))
            time.sleep(0.02)
        return self.onboarding(onboarding_id)

    def opens_hosted_page(self, onboarding_id: str) -> str:
        url = self.onboardings.open_hosted_page(onboarding_id)
        assert url
        httpx.get(url, trust_env=False).raise_for_status()
        return str(url)

    def ends(self, onboarding_id: str, outcome: str) -> None:
        """As the person on the hosted page would."""
        validation = self.onboarding(onboarding_id).validation
        assert validation
        self.tell(f"validations/{validation.gu1_id}/outcome", outcome=outcome)

    def tell(self, path: str, **body: Any) -> None:
        answer = httpx.post(f"{self.mock_url}/_mock/{path}", json=body, trust_env=False)
        assert answer.is_success, answer.text

    def ledger(self) -> list[dict[str, Any]]:
        return judge.ledger(self.mock_url)

    def agrees_with_the_ledger(self) -> None:
        judge.judge(self.mock_url, self._database_url)


@contextmanager
def stand(
    folder: Path, *, database_url: str | None = None, deliver: Callable[..., int] | None = None, **options: Any
) -> Iterator[Stand]:
    """`options` are those of the mock; `deliver` replaces the way of its webhooks to the portal."""
    database_url = database_url or sqlite_in(folder)
    app: Flask | None = None

    def to_portal(url: str, body: bytes, headers: dict[str, str]) -> int:
        assert app
        return app.test_client().post("/webhooks/gu1", data=body, headers=dict(headers), base_url=BASE_URL).status_code

    mock = create_mock(
        api_key=API_KEY,
        webhook_url=f"{BASE_URL}/webhooks/gu1",
        webhook_secret=SECRET,
        auto_delay=0.1,
        deliver=deliver or to_portal,
        pauses=(0.05, 0.05),
        **options,
    )
    with serving(mock) as server:
        config = Config(
            base_url=BASE_URL,
            secret_keys=("k" * 32,),
            database_url=database_url,
            gu1_base_url=server.url,
            gu1_api_key=API_KEY,
            gu1_webhook_secrets=(SECRET,),
            gu1_provider_hosts=("127.0.0.1",),
        )
        engine = make_engine(config.database_url)
        migrate(engine)
        engine.dispose()
        app = create_app(config, pace=QUICK)
        background_of(app).start()
        try:
            yield Stand(app, server.url, database_url)
        finally:
            background_of(app).stop()
