"""What meets in the portal: a change here is told over there."""

import json
import threading
import time

import pytest

from portal.app import create_app, runner_of
from portal.domain.onboarding import ConsentText, Details
from portal.domain.timings import Timings
from portal.partners.registry import new_signing_secret
from portal.services.partner_onboardings import CreateRequest
from tests.databases import on_both_databases
from tests.documents import documented_check
from tests.receiver import receiving
from tests.runner.test_thread import until

SELDOM = Timings(idle=60.0)
SECRETS = [new_signing_secret(), new_signing_secret()]


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def config(config, receiver, tmp_path):
    path = tmp_path / "partners.toml"
    secrets = json.dumps(SECRETS)
    path.write_text(f'[partners.shop]\nname = "Shop"\nsigning_secrets = {secrets}\nnotify_url = "{receiver.url}"\n')
    return config.model_copy(update={"partners_file": path})


@pytest.fixture
def app(config, gu1):
    app = create_app(config, gu1=gu1, timings=SELDOM)
    runner_of(app).start()
    yield app
    runner_of(app).stop()


@pytest.fixture
def stop(app):
    """A customer of the partner's stops; which is news."""
    portal = app.extensions["portal"]

    def stop():
        request_ = CreateRequest(partner="shop", external_id="customer-7", locale="es-AR")
        invited = portal.partner_onboardings.create(request_).onboarding
        portal.onboardings.stop(invited.id)
        return invited

    return stop


@on_both_databases
def test_a_change_is_told_at_once_and_signed(stop, receiver):
    onboarding = stop()
    until(lambda: receiver.deliveries)
    (delivery,) = receiver.deliveries
    assert all(documented_check()(delivery.headers, delivery.body, [secret]) for secret in SECRETS)
    told = json.loads(delivery.body)["data"]
    assert (told["id"], told["external_id"], told["sequence"]) == (onboarding.id, "customer-7", 1)
    assert (told["stage"], told["created_at"][-1]) == ("cancelled", "Z")


@pytest.mark.long
def test_what_is_being_told_is_finished_before_the_end(app, stop, receiver):
    receiver.go_on.clear()
    stop()
    until(lambda: receiver.deliveries)
    threading.Timer(0.3, receiver.go_on.set).start()
    runner_of(app).stop()
    page = app.extensions["portal"].metrics.page().decode()
    assert 'portal_notifications_total{outcome="delivered",partner="shop"} 1.0' in page


def test_as_many_onboardings_in_progress_as_gu1_may_be_called(config):
    app = create_app(config.model_copy(update={"gu1_concurrency": 3}))
    assert runner_of(app).onboardings._limit() == 3


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_work_from_a_process_without_a_runner_wakes_one_that_would_sleep_for_an_hour(config, gu1):
    asleep = Timings(idle=3600.0, idle_listening=3600.0)
    served = create_app(config, gu1=gu1, timings=asleep)
    command = create_app(config, gu1=gu1, timings=asleep).extensions["portal"]
    runner = runner_of(served)
    runner.start()
    try:
        until(runner.onboardings.wake.hears_others)
        time.sleep(0.3)  # it has looked for what it missed before it could be woken
        assert gu1.calls == []
        details = Details(country="AR", document_number="30111222", first_name="Ana", last_name="Gil")
        command.onboardings.start(details, locale="es-AR", consent=ConsentText("1"), nonce="n")
        until(lambda: gu1.named("create_validation"))
    finally:
        runner.stop()
