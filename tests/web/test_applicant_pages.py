import asyncio
import logging
from pathlib import Path

import pytest

from portal.app import create_app, runner_of
from portal.domain.errors import Refused, Unavailable
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.conftest import WEBHOOK_SECRET
from tests.databases import on_both_databases
from tests.page import APPLICANT, Visitor
from tests.web.conftest import token_in
from tests.web.stages import SHOWN, stored_as


@on_both_databases
def test_the_whole_way_to_an_approval(visitor, gu1, clock, work):
    path = visitor.begin(country="BR", document_number="123.456.789-09")
    assert visitor.get(path).stage == Stage.PREPARING
    work()
    assert visitor.get(path).stage == Stage.READY
    assert visitor.get(f"{path}/continue").response.headers["Location"] == gu1.validations["validation-1"].session_url
    gu1.becomes("validation-1", Status.APPROVED)
    clock.advance(minutes=2)
    work()
    assert visitor.get(path).stage == Stage.APPROVED


@pytest.mark.asvs("15.2.2")
def test_no_page_waits_for_gu1(visitor, gu1):
    path = visitor.begin()
    for address in (path, f"{path}/status", f"{path}/continue"):
        visitor.get(address)
    visitor.press(path, "stop")
    assert gu1.calls == []


@pytest.mark.asvs("16.5.2")
def test_the_person_keeps_a_place_while_gu1_is_down(visitor, gu1, clock, work):
    path = visitor.begin()
    gu1.failures.extend([Unavailable("busy")] * 3)
    for _ in range(3):
        work()
        clock.advance(minutes=10)
    assert visitor.get(path).stage == Stage.DELAYED
    work()
    assert visitor.get(path).stage == Stage.READY


def test_details_that_gu1_refuses_are_asked_for_again(visitor, gu1, work):
    path = visitor.begin()
    gu1.failures.append(Refused(400, "INVALID_TAX_ID", about_details=True))
    work()
    corrected = visitor.post(path, visitor.get(path).fields | APPLICANT)
    assert corrected.status == 303
    work()
    assert visitor.get(path).stage == Stage.READY


def test_a_known_and_a_new_person_see_the_same(visitor, gu1, work):
    new = visitor.begin()
    work()
    known = visitor.begin()
    work()
    texts = [visitor.get(path).text("section", id="status").replace(path, "") for path in (new, known)]
    shown = [text.rsplit(" ", 1)[0] for text in texts]
    assert len(gu1.entities) == 1
    assert visitor.get(known).stage == visitor.get(new).stage == Stage.READY
    assert shown[0] == shown[1]  # but for the reference at its end


@pytest.mark.asvs("14.2.3")
@pytest.mark.parametrize("stage", SHOWN)
def test_pages_load_nothing_from_elsewhere(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)))
    loaded = [(name, found) for name, found in page.elements if name != "a"]  # a link waits until somebody follows it
    addresses = [found.get("src") or found.get("href") or found.get("action") for _, found in loaded]
    assert all(address[0] in "/?#" and not address.startswith("//") for address in addresses if address)


@pytest.mark.parametrize("stage", SHOWN)
def test_pages_offer_every_form_a_fresh_token(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)))
    tokens = [field["value"] for field in page.all("input", name="form_token")]
    assert len(tokens) == len(page.all("form"))
    assert all(tokens)


def test_posts_under_a_page_that_is_no_form_lead_back(visitor, stored):
    path = stored(**stored_as(Stage.APPROVED))
    answer = visitor.post(path, APPLICANT)
    assert (answer.status, answer.response.headers["Location"]) == (303, path)


@pytest.fixture
def everything_logged(caplog):
    """As with PORTAL_LOG_LEVEL=DEBUG."""
    caplog.set_level(logging.DEBUG)
    return caplog


PRIVATE = ["30123456", "30.123.456", "María", "José", "Higgins", "maria@example.com"]


@pytest.fixture
def journey(visitor, gu1, clock, work):
    """Through a delay, a rejection, a retry and a stop; gives the access link's path."""
    return lambda: a_journey(visitor, gu1, clock, work)


def a_journey(visitor, gu1, clock, work):
    path = visitor.begin(email="maria@example.com")
    gu1.failures.extend([Unavailable("busy"), Refused(401, "UNAUTHORIZED"), None])
    for _ in range(3):
        work()
        clock.advance(minutes=20)
    visitor.get(f"{path}/continue")
    gu1.becomes("validation-1", Status.REJECTED, reason=Reason.REGISTRY_CARD_OUTDATED, document_number="30123456")
    clock.advance(minutes=20)
    work()
    visitor.press(path, "retry")
    work()
    visitor.press(path, "stop")
    work()
    return path


@pytest.mark.asvs("14.2.4", "16.2.5")
@on_both_databases
def test_a_journey_leaves_nothing_private_in_the_logs(visitor, gu1, everything_logged, config, journey):
    path = journey()
    session_urls = [it.session_url for it in gu1.validations.values()]
    visitor.send_form(form_token=visitor.get("/").fields["form_token"][:-2], document_number="99")
    logged = everything_logged.text
    assert logged
    secrets = [token_in(path), *session_urls, *PRIVATE, WEBHOOK_SECRET, *config.secret_keys, config.gu1_api_key]
    assert [secret for secret in secrets if secret in logged and secret != "key"] == []


@pytest.mark.asvs("16.2.5")
@on_both_databases
def test_faults_leave_nothing_private_in_the_logs(visitor, writes_fail, everything_logged, stored):
    path = stored(**stored_as(Stage.REJECTED))
    writes_fail("validations")
    assert visitor.send_form(email="maria@example.com").status == 503
    assert visitor.press(path, "retry").status == 503
    logged = everything_logged.text
    assert [secret for secret in [token_in(path), *PRIVATE] if secret in logged] == []


def test_the_real_client_logs_nothing_private(app, config, clock, everything_logged):
    api_key = "an-api-key-that-is-secret"
    real = create_app(config.model_copy(update={"gu1_api_key": api_key}), clock=clock)
    path = Visitor(real).begin(email="maria@example.com")
    asyncio.run(runner_of(real).onboardings.work_until_idle())
    logged = everything_logged.text
    assert [secret for secret in [token_in(path), api_key, *PRIVATE] if secret in logged] == []


def test_metrics_name_nobody(visitor, journey):
    path = journey()
    page = visitor.get("/metrics").html
    assert "portal_started_total" in page
    assert [secret for secret in [token_in(path), "validation-1", *PRIVATE] if secret in page] == []


@pytest.mark.own_database_file
def test_stored_details_are_sealed_and_then_gone(visitor, work, sql, config):
    visitor.begin(email="maria@example.com")
    ((encrypted,),) = sql("SELECT details_sealed FROM onboardings")
    folder = Path(config.database.database).parent
    kept = b"".join(file.read_bytes() for file in folder.iterdir())
    work()
    assert encrypted
    assert [secret for secret in PRIVATE if secret.encode() in kept] == []
    assert sql("SELECT details_sealed FROM onboardings") == [(None,)]
