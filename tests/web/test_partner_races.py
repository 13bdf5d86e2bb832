"""Two of a partner's calls about one onboarding at the same moment: no fault, no lost change, one end."""

import itertools
import json
from functools import partial

import pytest

from portal.domain.stage import Stage
from tests.databases import on_both_databases
from tests.partners import KEYS, partners_file
from tests.store.test_concurrency import together
from tests.web.conftest import HOME, ONBOARDINGS
from tests.web.stages import stored_as
from tests.web.test_partner_api import bytes_of

pytestmark = [on_both_databases, pytest.mark.asvs("2.3.3", "2.3.4")]
ROUNDS = 4


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def customer(create):
    """Starts an onboarding of a new customer; gives its address in the API and the path of its link."""
    numbers = itertools.count()

    def customer(**options):
        answer = create(f"customer-{next(numbers)}", **options).json
        return f"{ONBOARDINGS}/{answer['id']}", answer["url"].removeprefix(HOME)

    return customer


def at_once(*calls):
    return together(len(calls), lambda index: calls[index]())


def statuses(answers):
    return sorted(it.status_code for it in answers)


def test_cancelled_twice_at_once_it_is_cancelled_once(customer, api, sql):
    for _ in range(ROUNDS):
        path, _ = customer()
        answers = at_once(*[partial(api, "POST", f"{path}/cancel")] * 4)
        assert {bytes_of(it) for it in answers} == {bytes_of(api("GET", path))}
        seen = api("GET", f"{path}/events").json
        assert [it["action"] for it in seen["events"]] == ["created", "cancelled"]
        assert [it["sequence"] for it in seen["notifications"]] == [1]


def test_of_links_made_at_once_exactly_one_opens(customer, api, create, visitor):
    for number in range(ROUNDS):
        path, first = customer()
        answers = at_once(*[partial(api, "POST", f"{path}/link")] * 4)
        assert statuses(answers) == [200] * 4
        links = [first, *(it.json["url"].removeprefix(HOME) for it in answers)]
        assert len(set(links)) == 5
        opening = [it for it in links if visitor.get(it).status == 200]
        assert opening == [create(f"customer-{number}").json["url"].removeprefix(HOME)] and opening != [first]


def test_one_key_sent_twice_at_once_makes_one_link(customer, api, visitor):
    for number in range(ROUNDS):
        path, old = customer()
        once = {"Idempotency-Key": f"link-{number}"}
        answers = at_once(*[partial(api, "POST", f"{path}/link", headers=once)] * 4)
        assert len({bytes_of(it) for it in answers}) == 1 and answers[0].status_code == 200
        assert visitor.get(answers[0].json["url"].removeprefix(HOME)).status == 200
        assert visitor.get(old).status == 410


def test_one_key_for_two_onboardings_at_once_is_of_one_of_them(customer, api, visitor):
    for number in range(ROUNDS):
        started = [customer() for _ in range(2)]
        once = {"Idempotency-Key": f"link-{number}"}
        answers = at_once(*(partial(api, "POST", f"{path}/link", headers=once) for path, _ in started))
        assert statuses(answers) == [200, 422]
        for (_, old), answer in zip(started, answers, strict=True):
            assert visitor.get(old).status == (410 if answer.status_code == 200 else 200)


def test_changes_made_at_once_are_all_kept(customer, api):
    changes = [{"state": "s-2"}, {"metadata": {"plan": "gold"}}, {"locale": "en"}]
    for _ in range(ROUNDS):
        path, _ = customer()
        answers = at_once(*(partial(api, "PATCH", path, body) for body in changes))
        assert statuses(answers) == [200] * 3
        kept = api("GET", path).json
        assert (kept["state"], kept["metadata"]) == ("s-2", {"plan": "gold"})


def test_of_two_changes_of_one_field_one_is_kept_whole(customer, api):
    bodies = [{"state": f"s-{it}", "metadata": {"n": str(it)}} for it in range(4)]
    for _ in range(ROUNDS):
        path, _ = customer()
        answers = at_once(*(partial(api, "PATCH", path, body) for body in bodies))
        assert [(it.json["state"], it.json["metadata"]) for it in answers] == [tuple(it.values()) for it in bodies]
        kept = api("GET", path).json
        assert {"state": kept["state"], "metadata": kept["metadata"]} in bodies


def test_change_during_a_cancellation_is_kept_or_refused(customer, api):
    for _ in range(ROUNDS):
        path, _ = customer()
        cancelled, changed = at_once(
            partial(api, "POST", f"{path}/cancel"), partial(api, "PATCH", path, {"state": "s-2"})
        )
        assert cancelled.status_code == 200 and changed.status_code in {200, 409}
        kept = api("GET", path).json
        assert kept["stage"] == "cancelled"
        assert kept["state"] == ("s-2" if changed.status_code == 200 else None)


@pytest.fixture
def retry(ask, button):
    return lambda link: ask("POST", f"{link}/retry", data=button(link))


def test_retry_during_a_cancellation_opens_nothing_that_stays(api, stored, retry, work, gu1):
    for number in range(ROUNDS):
        name = f"rejected-{number}"
        link = stored(id=name, partner="shop", external_id=name, entity_id="entity-1", **stored_as(Stage.REJECTED))
        path = f"{ONBOARDINGS}/{name}"
        cancelled, retried = at_once(
            partial(api, "POST", f"{path}/cancel"),
            partial(retry, link),
        )
        assert cancelled.status_code == 200 and retried.status_code == 303
        work()
        kept = api("GET", path).json
        assert (kept["status"], kept["stage"], kept["is_final"]) == ("cancelled", "cancelled", True)
    assert {it.status for it in gu1.validations.values()} <= {"cancelled"}


PLANTED = {"state": "planted-state", "metadata": {"planted-key": "planted-text"}}


@pytest.mark.parametrize(
    "call",
    [
        ("PATCH", "", PLANTED),
        ("POST", "/cancel", None),
        ("POST", "/link", {"ttl_seconds": 3600}),
        ("GET", "/events", None),
        ("GET", "", None),
        ("DELETE", "", None),
    ],
    ids=["change", "cancel", "link", "events", "read", "erase"],
)
def test_whatever_is_asked_during_an_erasure_nothing_is_left(customer, api, sql, visitor, call):
    method, rest, body = call
    for number in range(ROUNDS):
        path, link = customer(metadata={"planted": "text"})
        once = {"Idempotency-Key": f"key-{number}"}
        erased, asked = at_once(
            partial(api, "DELETE", path),
            partial(api, method, path + rest, body, headers=once),
        )
        assert erased.status_code == 200 and asked.status_code in {200, 404}
        assert api("GET", path).status_code == 404 and visitor.get(link).status == 410
        assert api("DELETE", path).data == erased.data
        if rest == "/link" and asked.status_code == 200:
            assert visitor.get(asked.json["url"].removeprefix(HOME)).status == 410
    left = [sql(f"SELECT * FROM {it}") for it in ("onboardings", "events", "idempotency_keys", "customers")]
    assert "planted" not in repr(left) and left[1:] == [[], [], []]


def test_repeated_start_during_an_erasure_is_the_first_answer_or_a_new_one(create, api, caplog):
    for number in range(ROUNDS):
        name, once = f"customer-{number}", f"start-{number}"
        first = create(name, once=once)
        path = f"{ONBOARDINGS}/{first.json['id']}"
        erased, again = at_once(partial(api, "DELETE", path), partial(create, name, once=once))
        assert (erased.status_code, again.status_code) == (200, 201)
        assert (again.data == first.data) or again.json["id"] != first.json["id"]
        assert api("GET", path).status_code == 404
    assert "bug" not in caplog.text


def test_start_during_a_cancellation_leads_to_an_open_onboarding_or_the_cancelled(create, api):
    for number in range(ROUNDS):
        name = f"customer-{number}"
        path = f"{ONBOARDINGS}/{create(name).json['id']}"
        cancelled, again = at_once(partial(api, "POST", f"{path}/cancel"), partial(create, name))
        assert cancelled.status_code == 200 and again.status_code in {200, 201}
        assert (again.json["id"] in path) is (again.status_code == 200)
        assert api("GET", path).json["stage"] == "cancelled"
        after = create(name)
        assert api("GET", f"{ONBOARDINGS}/{after.json['id']}").json["stage"] == "details"


def test_notification_sent_again_by_two_at_once_is_listed_once(customer, api):
    for number in range(ROUNDS):
        path, _ = customer()
        api("POST", f"{path}/cancel")
        (event,) = api("GET", f"{path}/events").json["notifications"]
        again, once = f"{path}/events/{event['id']}/resend", {"Idempotency-Key": f"again-{number}"}
        for headers in ({}, once):
            answers = at_once(*[partial(api, "POST", again, headers=headers)] * 3)
            assert statuses(answers) == [202] * 3
        assert [it["id"] for it in api("GET", f"{path}/events").json["notifications"]] == [event["id"]]


def test_list_is_whole_while_its_onboardings_are_erased_and_changed(customer, api):
    paths = [customer()[0] for _ in range(12)]
    listed, *rest = at_once(
        lambda: [api("GET", ONBOARDINGS, query_string={"limit": 5}) for _ in range(10)],
        lambda: [api("DELETE", path) for path in paths[::2]],
        lambda: [api("PATCH", path, {"state": json.dumps(path)}) for path in paths[1::2]],
        lambda: [api("GET", path, key=KEYS["bank"]) for path in paths],
    )
    assert [{it.status_code for it in answers} for answers in rest] == [{200}, {200}, {404}]
    for answer in listed:
        assert answer.status_code == 200
        ids = [it["id"] for it in answer.json["onboardings"]]
        assert len(set(ids)) == len(ids) == 5
    assert len(api("GET", ONBOARDINGS).json["onboardings"]) == 6
