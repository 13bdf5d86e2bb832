"""Above a limit a stranger's start costs work or time; above the day's it is refused. What was typed stays."""

from datetime import timedelta

import pytest

from portal.app import runner_of
from portal.domain.locales import Locale
from tests.databases import on_both_databases
from tests.domain.test_start_limits import solved
from tests.page import APPLICANT

PERSON = APPLICANT | {"email": "ana@example.com"}


@pytest.fixture
def limits():
    return {}


@pytest.fixture
def config(config, limits):
    return config.model_copy(update=limits | {"trusted_proxies": 1})


def at(address):
    return {"X-Forwarded-For": address}


def start(visitor, address="203.0.113.7", **changes):
    return visitor.post("/", visitor.get("/").fields | PERSON | changes, headers=at(address))


def again(visitor, asked, address="203.0.113.7", **changes):
    return visitor.post(f"/?lang={asked.one('html')['lang']}", asked.fields | changes, headers=at(address))


@pytest.mark.asvs("2.4.1")
@pytest.mark.parametrize("limits", [{"starts_per_address": 2}])
@on_both_databases
def test_above_the_limit_of_an_address_the_browser_works_and_other_addresses_do_not(visitor, count):
    assert [start(visitor).status for _ in range(2)] == [303, 303]
    asked = start(visitor)
    assert (asked.status, count()) == (429, 2)
    assert asked.fields["first_name"] == PERSON["first_name"]
    assert asked.fields["email"] == PERSON["email"]
    assert 'portal_refusals_total{kind="too_many"} 1.0' in visitor.get("/metrics").response.text
    assert start(visitor, "203.0.113.8").status == 303
    assert again(visitor, asked).status == 429
    proof = solved(asked.fields["form_token"], 1)
    assert again(visitor, asked, proof=proof).status == 303
    assert again(visitor, asked, proof=proof).status == 303  # the same onboarding
    assert count() == 4


@pytest.mark.asvs("2.4.1")
@pytest.mark.parametrize("limits", [{"starts_per_document": 1}])
def test_a_document_number_from_many_addresses_costs_work_too(visitor):
    assert start(visitor, "203.0.113.1").status == 303
    asked = start(visitor, "203.0.113.2")
    assert asked.status == 429
    spelled = {"document_number": "20-30123456-3", "shown_number": "20-30123456-3", "email": "ana@example.com"}
    assert start(visitor, "203.0.113.2", **spelled).status == 429
    other = {"document_number": "30123457", "shown_number": "30123457", "email": "eva@example.com"}
    assert start(visitor, "203.0.113.3", **other).status == 303


@pytest.mark.parametrize("limits", [{"starts_per_document": 2}])
@on_both_databases
def test_mails_to_one_mailbox_cost_work_whatever_document_and_address_they_come_with(visitor, count):
    spelled = ["ana@example.com", "Ana+a@Example.com", "ANA+b@example.com"]
    answers = [
        start(visitor, f"203.0.113.{at}", document_number=f"3012345{at}", shown_number=f"3012345{at}", email=email)
        for at, email in enumerate(spelled)
    ]
    assert ([it.status for it in answers], count()) == ([303, 303, 429], 2)
    proof = solved(answers[-1].fields["form_token"], 1)
    assert again(visitor, answers[-1], proof=proof).status == 303
    for number in ("30123457", "30123458", "30123459"):
        assert start(visitor, document_number=number, shown_number=number, email="").status == 303


@pytest.mark.parametrize("limits", [{"starts_per_address": 1}])
@pytest.mark.parametrize("locale", Locale)
def test_without_scripts_one_waits_and_is_told_how_long(visitor, clock, locale):
    start(visitor)
    fields = visitor.get(f"/?lang={locale}").fields | PERSON
    del fields["read"]  # it may be of another country's agreement
    asked = visitor.post(f"/?lang={locale}", fields, headers=at("203.0.113.7"))
    assert asked.status == 429
    assert "noscript" in asked.html
    assert again(visitor, asked).status == 429
    clock.now += timedelta(minutes=1)
    assert again(visitor, asked).status == 303


@pytest.mark.long
@pytest.mark.asvs("2.3.2")
@pytest.mark.parametrize("limits", [{"starts_per_day": 2}])
@on_both_databases
def test_the_days_limit_holds_whatever_one_does_and_says_when_it_ends(visitor, clock, count):
    assert [start(visitor, f"203.0.113.{host}").status for host in range(2)] == [303, 303]
    asked = start(visitor, "203.0.113.9")
    assert (asked.status, asked.response.headers["Retry-After"]) == (429, str(24 * 60 * 60))
    assert asked.fields["first_name"] == PERSON["first_name"]
    assert again(visitor, asked, proof=solved(asked.fields["form_token"], 1)).status == 429
    clock.now += timedelta(days=1)
    assert again(visitor, asked).status == 303
    assert count() == 3


@pytest.mark.asvs("2.4.1")
@pytest.mark.parametrize("limits", [{"starts_per_address": 1, "starts_per_day": 8}])
@on_both_databases
def test_one_address_cannot_use_up_everybodys_day_by_work_or_patience(visitor, clock, count):
    opened = [visitor.get("/").fields | PERSON for _ in range(8)]
    clock.now += timedelta(minutes=10)  # more than any wait, for all of them at once
    answers = [visitor.post("/", fields, headers=at("203.0.113.7")) for fields in opened]
    assert [it.status for it in answers] == [303] * 5 + [429] * 3
    assert answers[-1].response.headers["Retry-After"] == str(24 * 60 * 60)
    assert answers[-1].fields["first_name"] == PERSON["first_name"]
    assert [start(visitor, f"203.0.113.{other}").status for other in (8, 9, 10)] == [303] * 3
    assert start(visitor, "203.0.113.11").status == 429
    assert count() == 8


def test_without_limits_on_this_machine_nobody_is_asked(visitor):
    assert {start(visitor).status for _ in range(40)} == {303}


@pytest.mark.parametrize("limits", [{"starts_per_address": 1}])
def test_what_was_counted_is_forgotten_within_the_day(visitor, clock, count, app):
    start(visitor)
    assert count("start_counters") == 5
    clock.now += timedelta(days=1, seconds=1)
    runner_of(app).purge_expired(clock.now)
    assert count("start_counters") == 0
