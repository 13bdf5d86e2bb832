"""Notifications between real processes: a partner's backend that fails, a portal that is killed, and nothing lost."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from e2e.bench.serving import bench_portal
from e2e.servers import SECRET_KEY, Server, mock_gu1, on_database
from portal.domain.onboarding import ConsentText, Details
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.start_limits import StartLimits
from portal.domain.timings import Timings
from portal.domain.validation import DoubleCheck
from portal.metrics import Metrics
from portal.partners.registry import new_signing_secret
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash
from portal.services.onboardings import Onboardings
from portal.services.partner_onboardings import CreateRequest, PartnerOnboardings
from portal.services.start_counters import StartCounters
from portal.services.summary import ChangeNotifier
from portal.services.validation_plan import Policy
from portal.store.database import make_engine
from portal.store.encryption import ColumnCipher
from portal.store.history import History
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from portal.store.tables import events
from tests.databases import on_both_databases
from tests.documents import documented_check
from tests.local_http import LOCAL
from tests.ports import free_port
from tests.receiver import Receiver, receiving

SECRET = new_signing_secret()
TIME_SCALE = 0.1
"""Retries after 0.5 and 3 seconds instead of 5 and 30, and leases of 4 seconds instead of 40."""


@dataclass
class Scene:
    portal: Server
    gu1: Server
    receiver: Receiver
    database: Engine
    customers: PartnerOnboardings
    """This and `onboardings` use the same database, for the requests of a partner and an applicant."""
    onboardings: Onboardings

    def invite(self) -> str:
        wish = CreateRequest(partner="shop", external_id="customer-7", locale="es-AR")
        onboarding = self.customers.create(wish).onboarding
        details = Details(country="AR", document_number="30111222", first_name="Ana", last_name="Pérez")
        self.onboardings.give_details(onboarding.id, details, consent=ConsentText("1"))
        return str(onboarding.id)

    def retry(self, onboarding_id: str) -> None:
        self.onboardings.retry(onboarding_id, after_attempt=1)

    def validation(self, onboarding_id: str, number: int = 1) -> str:
        """Waits for its id at gu1."""

        def adopted() -> str | None:
            validation = self.onboardings.get(onboarding_id).validation
            return validation.gu1_id if validation and validation.number == number else None

        return until(adopted)

    def becomes(self, gu1_id: str, outcome: str) -> None:
        path = f"{self.gu1.url}/_mock/validations/{gu1_id}/outcome"
        httpx.post(path, json={"outcome": outcome}, **LOCAL).raise_for_status()

    def ledger(self) -> dict[str, Any]:
        """gu1's account of each validation."""
        accounts = httpx.get(f"{self.gu1.url}/_mock/ledger", **LOCAL).json()["validations"]
        return {account["id"]: account for account in accounts}

    def kept(self) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.execute(select(events).order_by(events.c.sequence)).all())

    def delivered(self) -> int:
        return sum(row.delivered_at is not None for row in self.kept())

    def sees_everything_arrive(self, statuses: list[str]) -> None:
        """Each at least once and signed; in order after sorting by sequence."""
        until(lambda: [json.loads(row.payload)["status"] for row in self.kept()] == statuses)
        until(lambda: self.delivered() == len(statuses))
        taken = {delivery.headers["webhook-id"]: delivery for delivery in self.receiver.taken}
        assert set(taken) == {row.id for row in self.kept()}
        told = sorted((json.loads(it.body)["data"] for it in taken.values()), key=lambda data: data["sequence"])
        assert [(data["sequence"], data["status"]) for data in told] == list(enumerate(statuses, start=1))
        bodies = {(it.headers["webhook-id"], it.body) for it in self.receiver.deliveries}
        assert len(bodies) == len(statuses), bodies
        is_ours = documented_check()
        assert all(is_ours(delivery.headers, delivery.body, [SECRET]) for delivery in self.receiver.deliveries)


def until(holds: Any, within: float = 40.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@contextmanager
def a_scene(folder, database_url, receiver):
    partners = folder / "partners.toml"
    partners.write_text(
        f'[partners.shop]\nname = "Shop"\nsigning_secrets = ["{SECRET}"]\nnotify_url = "{receiver.url}"\n'
    )
    gu1 = mock_gu1(folder, port=free_port(), portal_url=f"http://127.0.0.1:{(port := free_port())}")
    env = {
        **on_database(database_url),
        "PORTAL_SECRET_KEYS": SECRET_KEY,
        "PORTAL_PARTNERS_FILE": str(partners),
        "TMPDIR": str(folder),
    }
    portal = bench_portal(folder, port=port, gu1_url=gu1.url, env=env, time_scale=TIME_SCALE)
    engine = make_engine(database_url)
    try:
        gu1.start()
        portal.start()
        yield Scene(portal, gu1, receiver, engine, *services(engine))
    finally:
        portal.stop()
        gu1.stop()
        engine.dispose()


def services(engine: Engine) -> tuple[PartnerOnboardings, Onboardings]:
    rules = Policy(max_attempts=3, double_check_renaper=True)
    store = Repository(
        engine, ColumnCipher([SECRET_KEY]), Consequences(notify_of=ChangeNotifier(lambda _: rules, lambda _: True))
    )
    common: Any = {"clock": lambda: datetime.now(UTC), "policy_for": lambda _: rules, "meter": Metrics()}
    keyed_hash = KeyedHash([SECRET_KEY], "portal.document-number")
    identity = IdentityComparison(keyed_hash, KeyedHash([SECRET_KEY], "portal.name"))
    counters = StartCounters(keyed_hash, StartLimits())
    onboardings = Onboardings(
        store,
        identity=identity,
        provider_hosts=ProviderHosts(()),
        timings=Timings(),
        counters=counters,
        **common,
    )
    common |= {"request_hash": keyed_hash, "document_hash": keyed_hash, "counters": counters}
    return PartnerOnboardings(store, History(engine), corrector=onboardings.corrector, **common), onboardings


@pytest.fixture
def scene(tmp_path, database_url):
    with receiving() as receiver, a_scene(tmp_path, database_url, receiver) as scene:
        yield scene


@on_both_databases
def test_backend_that_fails_twice_hears_everything_of_a_portal_that_is_killed(scene):
    scene.receiver.statuses = [500, 500]
    onboarding = scene.invite()
    until(lambda: scene.receiver.deliveries)
    scene.portal.kill()
    scene.portal.start()
    scene.becomes(scene.validation(onboarding), "DOCUMENT_EXPIRED")
    until(lambda: len(scene.kept()) == 2)
    scene.retry(onboarding)
    validation = scene.validation(onboarding, 2)
    scene.becomes(validation, "review")
    until(lambda: len(scene.kept()) == 4)
    scene.portal.kill()
    scene.becomes(validation, "reject")
    scene.portal.start()
    scene.sees_everything_arrive(["pending", "rejected", "pending", "in_review", "rejected"])


@on_both_databases
def test_earlier_attempt_that_a_reviewer_approves_is_told_and_the_open_one_cancelled(scene):
    onboarding = scene.invite()
    first = scene.validation(onboarding)
    scene.becomes(first, "DOCUMENT_EXPIRED")
    until(lambda: len(scene.kept()) == 2)
    scene.retry(onboarding)
    second = scene.validation(onboarding, 2)
    scene.becomes(first, "approve")
    until(lambda: scene.ledger()[second]["status"] == "cancelled")
    scene.becomes(first, "DOCUMENT_EXPIRED")
    scene.sees_everything_arrive(["pending", "rejected", "pending", "approved", "rejected"])
    told = [json.loads(row.payload) for row in scene.kept()]
    assert [(data["validation_id"], data["attempts"]) for data in told[-2:]] == [(first, 2), (first, 2)]
    charged = [account["charged"] is not None for account in scene.ledger().values()]
    assert sorted(charged) == [False, True]


@on_both_databases
def test_a_stop_is_the_last_word_though_the_registry_confirms_later(scene):
    httpx.post(f"{scene.gu1.url}/_mock/world", json={"renaper": "two_steps"}, **LOCAL).raise_for_status()
    onboarding = scene.invite()
    scene.becomes(scene.validation(onboarding), "approve")
    until(lambda: scene.onboardings.get(onboarding).validation.is_confirming)
    scene.onboardings.stop(onboarding)
    until(lambda: scene.onboardings.get(onboarding).validation.double_check is DoubleCheck.ANSWERED)
    scene.sees_everything_arrive(["pending", "in_review", "cancelled"])
    told = [json.loads(row.payload) for row in scene.kept()]
    assert {it["verified_at"] for it in told} == {None}
    again = scene.customers.create(CreateRequest(partner="shop", external_id="customer-7", locale="es-AR")).onboarding
    until(lambda: scene.onboardings.get(again.id).due_at is None)
    assert (again.id != onboarding, scene.onboardings.get(again.id).verified_before_at) == (True, None)


@on_both_databases
def test_killed_before_the_answer_it_is_told_again_under_the_same_id(scene):
    scene.receiver.go_on.clear()
    scene.invite()
    until(lambda: scene.receiver.deliveries)
    scene.portal.kill()
    scene.receiver.go_on.set()
    scene.portal.start()
    scene.sees_everything_arrive(["pending"])
    assert len(scene.receiver.deliveries) == 2


@on_both_databases
def test_asked_to_end_while_a_backend_hangs_it_hands_over_in_time(scene):
    scene.receiver.go_on.clear()
    scene.invite()
    until(lambda: scene.receiver.deliveries)
    began = time.monotonic()
    scene.portal.stop()
    assert time.monotonic() - began < 10
    assert [row.lease_until for row in scene.kept()] == [None]
    scene.receiver.go_on.set()
    scene.portal.start()
    scene.sees_everything_arrive(["pending"])
