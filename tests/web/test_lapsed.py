"""Links that end before the onboarding is over, and what partners are told by time alone."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.app import runner_of
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.services.notification import EXPIRING, LAPSED, LEFT_AT_PHOTOS, UPDATED, DeliveryResult
from portal.store.reminder_queue import ReminderQueue
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding
from tests.partners import partners_file
from tests.web.conftest import HOME, ONBOARDINGS, is_problem
from tests.web.stages import adopted, rejected, stored_as

PATH = f"{ONBOARDINGS}/it"


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def told(app, clock):
    """What the shop is told until now: type, status, stage and whether it is final."""
    sent = []

    class Backend:
        async def send(self, _url, body, _headers):
            sent.append(json.loads(body))
            return DeliveryResult(200)

    runner = runner_of(app)
    runner.notifications._notifier = Backend()

    def told(*, runs=1):
        for _ in range(runs):
            runner.remind(runner._clock())
        clock.advance(seconds=1)  # a change in the same moment as another is noted as a little later
        asyncio.run(runner.notifications.work_until_idle())
        told = [(it["type"], it["data"]["status"], it["data"]["stage"], it["data"]["is_final"]) for it in sent]
        sent.clear()
        return told

    return told


@pytest.fixture
def shops(app, onboardings):
    """Keeps an onboarding of the shop's."""

    def shops(**changes):
        store = onboardings._store
        given = {"id": "it", "partner": "shop", "external_id": "customer-7", "due_at": None}
        return store.add(an_onboarding(**given | changes))

    return shops


OPEN = [Stage.DETAILS, Stage.PREPARING, Stage.READY, Stage.ABANDONED, Stage.REJECTED, Stage.EXPIRED, Stage.CANCELLED]
AWAITED = [Stage.WAITING, Stage.CONFIRMING, Stage.IN_REVIEW]


@on_both_databases
@pytest.mark.parametrize("stage", OPEN)
def test_link_that_ran_out_is_lapsed_when_read_and_told_once(shops, api, clock, told, stage):
    kept = shops(**stored_as(stage))
    assert api("GET", PATH).json["stage"] == stage
    clock.advance(days=30, seconds=1)
    read = api("GET", PATH).json
    ended = (read["status"], read["stage"], read["is_final"], read["attempts_left"], read["can_retry_at"])
    assert ended == (kept.status, "lapsed", True, 0, None), "before the runner has seen it"
    assert told(runs=3) == [(UPDATED, kept.status, "lapsed", True), (LAPSED, kept.status, "lapsed", True)]
    again = api("GET", PATH).json
    assert again | {"updated_at": 0} == read | {"updated_at": 0}
    (entry,) = [it for it in api("GET", f"{PATH}/events").json["events"] if it["action"] == "lapsed"]
    assert (entry["by"], entry["old_stage"], entry["new_stage"]) == ("rule", stage, "lapsed")
    assert [it["id"] for it in api("GET", f"{ONBOARDINGS}?stage=lapsed").json["onboardings"]] == ["it"]
    clock.advance(days=10)
    assert told() == []


@pytest.mark.parametrize("stage", [*AWAITED, Stage.APPROVED, Stage.CLOSED])
def test_what_needs_no_link_does_not_lapse(shops, api, clock, told, stage):
    shops(**stored_as(stage))
    before = api("GET", PATH).json
    clock.advance(days=30, seconds=1)
    after = api("GET", PATH).json
    assert ([after[it] for it in ("stage", "is_final")], told(runs=2)) == ([stage, before["is_final"]], [])


@on_both_databases
def test_verdict_that_comes_after_the_link_counts(shops, api, clock, told, onboardings):
    shops(**stored_as(Stage.READY))
    clock.advance(days=31)
    told()
    with onboardings._store.locked("it") as row:
        seen = replace(row.onboarding.validation, status=Status.APPROVED)
        row.save(replace(row.onboarding, validation=seen, updated_at=clock()))
    assert (api("GET", PATH).json["stage"], told()) == ("approved", [(UPDATED, "approved", "approved", True)])


@on_both_databases
def test_new_link_opens_what_lapsed_and_may_lapse_again(create, api, clock, told, visitor):
    path = f"{ONBOARDINGS}/{create().json['id']}"
    for _ in range(2):
        api("POST", f"{path}/link", {"ttl_seconds": 3600})
        assert api("GET", path).json["stage"] == "details"
        told()
        clock.advance(hours=1, seconds=1)
        assert (api("GET", path).json["stage"], api("GET", path).json["is_final"]) == ("lapsed", True)
        assert [it[0] for it in told()] == [UPDATED, LAPSED]
        assert is_problem(api("PATCH", path, {"locale": "en"}), 409)
    link = api("POST", f"{path}/link").json["url"]
    assert (visitor.get(link.removeprefix(HOME)).status, api("GET", path).json["is_final"]) == (200, False)
    assert [it["action"] for it in api("GET", f"{path}/events").json["events"]][-1] == "reopened"


def test_lapsed_one_can_be_cancelled_and_erased(create, api, clock):
    path = f"{ONBOARDINGS}/{create().json['id']}"
    clock.advance(days=31)
    assert api("POST", f"{path}/cancel").json["stage"] == "cancelled"
    assert api("DELETE", path).status_code == 200


@on_both_databases
def test_customer_of_a_lapsed_onboarding_starts_a_new_one(create, clock, told):
    first = create().json["id"]
    clock.advance(days=31)
    told()
    again = create()
    assert (again.status_code, again.json["id"] == first, again.json["stage"]) == (201, False, "details")


def test_link_about_to_end_is_told_once(create, api, clock, told):
    path = f"{ONBOARDINGS}/{create().json['id']}"
    clock.advance(days=26, hours=23)
    assert told() == []
    clock.advance(hours=2)
    assert told(runs=2) == [(EXPIRING, "pending", "details", False)]
    clock.advance(days=1)
    assert told() == []
    api("POST", f"{path}/link", {"ttl_seconds": 24 * 3600})
    clock.advance(hours=17)
    assert told() == []
    clock.advance(hours=2)
    assert [it[0] for it in told()] == [EXPIRING], "of the new link, a quarter of its time before"


def test_link_of_an_hour_has_no_reminder(create, api, clock, told):
    path = f"{ONBOARDINGS}/{create().json['id']}"
    api("POST", f"{path}/link", {"ttl_seconds": 3600})
    clock.advance(minutes=59)
    assert told() == []


@on_both_databases
@pytest.mark.parametrize("status", [Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED])
def test_photos_that_were_left_are_told_once(shops, clock, told, status):
    stage = Stage.ABANDONED if status is Status.ABANDONED else Stage.WAITING
    shops(validation=adopted(status=status, opened_at=NOW))
    clock.advance(minutes=59)
    assert told() == []
    clock.advance(minutes=1)
    assert told(runs=2) == [(LEFT_AT_PHOTOS, status, stage, False)]
    clock.advance(days=2)
    assert told() == []


@pytest.mark.parametrize(
    "validation",
    [
        adopted(opened_at=NOW, returned_at=NOW + timedelta(minutes=5)),
        adopted(status=Status.IN_REVIEW, opened_at=NOW),
        rejected(Reason.NOT_ELIGIBLE, opened_at=NOW),
        adopted(),
    ],
)
def test_photos_that_were_taken_or_not_begun_are_not_left(shops, clock, told, validation):
    shops(validation=validation)
    clock.advance(hours=2)
    assert told() == []


@on_both_databases
def test_two_runners_tell_it_once(shops, clock, told, app):
    shops(**stored_as(Stage.READY))
    clock.advance(days=31)
    remind = runner_of(app).remind

    async def both():
        await asyncio.gather(*(asyncio.to_thread(remind, clock()) for _ in range(4)))

    asyncio.run(both())
    assert [it[0] for it in told()] == [UPDATED, LAPSED]


@on_both_databases
def test_runner_that_died_after_its_claim_is_followed_by_another(shops, clock, told, connections):
    shops(**stored_as(Stage.READY))
    clock.advance(days=31)
    ReminderQueue(connections).claim_reminders(clock(), again_at=clock() + timedelta(minutes=10), limit=10)
    assert told() == []
    clock.advance(minutes=10)
    assert [it[0] for it in told()] == [UPDATED, LAPSED]


def test_of_the_erased_and_the_stopped_nothing_is_told(create, api, clock, told):
    first, second = (f"{ONBOARDINGS}/{create(name).json['id']}" for name in ("a", "b"))
    api("POST", f"{first}/cancel")
    api("DELETE", second)
    told()
    clock.advance(days=31)
    assert told() == []
