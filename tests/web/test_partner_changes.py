"""What partners change of an onboarding that was started: they cancel it, and replace its link."""

import json

import pytest

from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.databases import on_both_databases
from tests.factories import NOW, an_adopted_validation, an_onboarding, some_details
from tests.partners import KEYS, partners_file
from tests.web.conftest import HOME, ONBOARDINGS, is_problem
from tests.web.stages import stored_as
from tests.web.test_partner_api import bytes_of


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def started(create):
    """Of the shop: its address in the API, and the path of its link."""
    answer = create().json
    return f"{ONBOARDINGS}/{answer['id']}", answer["url"].removeprefix(HOME)


@pytest.fixture
def new_link(api, started):
    def new_link(body=None, *, once=None):
        return api("POST", f"{started[0]}/link", body, headers={"Idempotency-Key": once} if once else {})

    return new_link


def path_of(answer):
    return answer.json["url"].removeprefix(HOME)


# Links


@pytest.mark.asvs("7.2.2", "7.4.1", "7.4.5")
@on_both_databases
def test_new_link_opens_and_the_old_one_is_dead_at_once(started, new_link, visitor):
    old = started[1]
    visitor.get(old)
    answer = new_link()
    assert (answer.status_code, answer.json["expires_at"]) == (200, "2026-04-01T12:00:00Z")
    assert visitor.get(path_of(answer)).status == 200
    for path in ("", "/status", "/continue", "/qr.svg", "/back", "/number"):
        assert visitor.get(old + path).status == 410, path
    third = new_link()
    assert visitor.get(path_of(answer)).status == 410 and visitor.get(path_of(third)).status == 200


@on_both_databases
def test_open_page_of_the_old_link_learns_it_by_its_next_poll(api, visitor, stored):
    link = stored(id="in-review", partner="shop", external_id="c-1", **stored_as(Stage.IN_REVIEW))
    poll = visitor.get(link).one("section", id="status")["hx-get"]
    assert [visitor.get(poll, headers={"Accept": "text/html"}).status for _ in range(2)] == [204, 204]
    renewed = api("POST", f"{ONBOARDINGS}/in-review/link")
    assert visitor.get(poll, headers={"Accept": "text/html"}).leads_to == link
    assert visitor.get(link).status == 410
    assert visitor.get(path_of(renewed)).stage == Stage.IN_REVIEW


@pytest.mark.asvs("7.4.1")
def test_form_of_the_old_link_changes_nothing(started, new_link, visitor, onboardings):
    old, onboarding_id = started[1], started[0].rsplit("/", 1)[1]
    visitor.get(old)
    new_link()
    for path in ("", "/retry", "/stop", "/number"):
        assert visitor.post(old + path, {}).status in {400, 410}, path
    found = onboardings.get(onboarding_id)
    assert found.details is None and found.stopped_at is None


def test_new_link_may_be_short(new_link, visitor, clock, create):
    answer = new_link({"ttl_seconds": 3600})
    assert answer.json["expires_at"] == "2026-03-02T13:00:00Z"
    assert create().json["url"] == answer.json["url"], "asked again, the customer's link is the new one"
    clock.advance(hours=1, minutes=5)
    assert visitor.get(path_of(answer)).status == 410
    again = create()
    assert (again.status_code, again.json["expires_at"]) == (200, "2026-04-01T12:00:00Z")
    assert visitor.get(path_of(again)).status == 200, "asked again, the customer gets a link that works"
    assert visitor.get(path_of(new_link())).status == 200


@pytest.mark.asvs("7.3.2")
def test_no_link_outlasts_its_onboarding(new_link, clock):
    clock.advance(days=29)
    assert new_link({"ttl_seconds": 30 * 24 * 3600}).json["expires_at"] == "2026-04-01T12:00:00Z"
    clock.advance(days=2)
    assert is_problem(new_link(), 409) and new_link().json["code"] == "onboarding_over"


@on_both_databases
def test_repeated_key_makes_no_further_link(new_link, visitor):
    first, again = (new_link({"ttl_seconds": 3600}, once="link-1") for _ in range(2))
    assert bytes_of(first) == bytes_of(again) and visitor.get(path_of(first)).status == 200
    other = new_link(once="link-2")
    assert bytes_of(new_link({"ttl_seconds": 3600}, once="link-1")) == bytes_of(first)
    assert (visitor.get(path_of(first)).status, visitor.get(path_of(other)).status) == (410, 200)
    reused = new_link({"ttl_seconds": 60}, once="link-1")
    assert is_problem(reused, 422) and reused.json["code"] == "idempotency_key_reused"


def test_start_that_is_repeated_names_the_new_link(create, api, visitor):
    first = create("customer-8", once="start")
    replaced = api("POST", f"{ONBOARDINGS}/{first.json['id']}/link", {"ttl_seconds": 3600}).json
    again = create("customer-8", once="start")
    assert (again.status_code, again.json) == (201, first.json | replaced)
    assert visitor.get(path_of(again)).status == 200


@on_both_databases
def test_key_of_a_link_is_of_one_onboarding(new_link, create, api):
    new_link(once="link-1")
    other = f"{ONBOARDINGS}/{create('customer-8').json['id']}/link"
    assert is_problem(api("POST", other, headers={"Idempotency-Key": "link-1"}), 422)


# Cancelling


@pytest.fixture
def under_way(create, onboardings, work):
    """gu1 has the validation."""
    answer = create().json
    work()
    onboardings.give_details(answer["id"], some_details(), consent=ConsentText("2026-01"))
    work()
    return answer


@on_both_databases
def test_cancelled_it_is_over_here_and_then_at_gu1(under_way, api, work, gu1):
    path = f"{ONBOARDINGS}/{under_way['id']}"
    cancelled = api("POST", f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json["status"], cancelled.json["is_final"]) == (200, "cancelled", True)
    assert cancelled.json["external_id"] == "customer-7"
    assert bytes_of(api("POST", f"{path}/cancel", {})) == bytes_of(cancelled) == bytes_of(api("GET", path))
    work()
    assert len(gu1.named("cancel_validation")) == 1
    last = api("GET", f"{path}/events").json["events"][-1]
    assert (last["by"], last["action"], last["new_stage"]) == ("partner", "cancelled", "cancelled")


def test_cancelled_by_its_partner_the_customer_reads_it_and_may_begin_anew(under_way, create, api, visitor):
    api("POST", f"{ONBOARDINGS}/{under_way['id']}/cancel")
    assert visitor.get(under_way["url"].removeprefix(HOME)).stage == Stage.CANCELLED
    assert create().status_code == 201


def test_what_may_be_retried_can_be_cancelled_and_what_is_over_cannot(api, store):
    def stored(name, **validation):
        made = an_adopted_validation(gu1_id=name, nonce=name, opened_at=NOW, **validation)
        store.add(an_onboarding(id=name, partner="shop", external_id=name, validation=made))
        return f"{ONBOARDINGS}/{name}/cancel"

    retryable = stored("retryable", status=Status.REJECTED, reason=Reason.FACE_MISMATCH)
    assert api("POST", retryable).json["status"] == "cancelled"
    for path in (stored("refused", status=Status.REJECTED, reason=Reason.UNDERAGE), _approved(store)):
        refused = api("POST", path)
        assert is_problem(refused, 409) and refused.json["code"] == "onboarding_over"


def _approved(store):
    stages = stored_as(Stage.APPROVED)
    store.add(an_onboarding(id="approved", partner="shop", external_id="c-1", validation=stages["validation"]))
    return f"{ONBOARDINGS}/approved/cancel"


# Both


CALLS = ["cancel", "link"]


@on_both_databases
@pytest.mark.parametrize("call", CALLS)
def test_foreign_unknown_and_erased_ids_answer_the_same(call, create, api, started):
    foreign = f"{ONBOARDINGS}/{create(key=KEYS['bank']).json['id']}"
    api("DELETE", started[0])
    paths = [started[0], foreign, f"{ONBOARDINGS}/unknown", f"{ONBOARDINGS}/a%00b", f"{ONBOARDINGS}/{'x' * 5000}"]
    answers = {bytes_of(api("POST", f"{path}/{call}")) for path in paths}
    assert len(answers) == 1 and answers.pop()[0] == 404
    assert api("GET", foreign, key=KEYS["bank"]).json["status"] == "pending"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"[]", "content_type": "application/json"}, 422),
        ({"data": b'{"extra": 1}', "content_type": "application/json"}, 422),
        ({"data": b"ttl_seconds=60", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b" " * 16385, "content_type": "application/json"}, 413),
        ({"headers": {"Idempotency-Key": ""}}, 400),
    ],
)
def test_what_cannot_be_read_is_refused(api, started, call, sent, status):
    assert is_problem(api("POST", f"{started[0]}/{call}", **sent), status)
    assert api("GET", started[0]).json["stage"] == "details"


@pytest.mark.parametrize(
    ("ttl", "message"),
    [
        (59, "Must be at least 60"),
        (2592001, "Must be at most 2592000"),
        ("60", "Must be a whole number"),
        (60.5, "Must be a whole number"),
        (True, "Must be a whole number"),
    ],
)
def test_time_of_a_link_is_checked(new_link, ttl, message):
    assert new_link({"ttl_seconds": ttl}).json["errors"] == [{"field": "ttl_seconds", "message": message}]


@pytest.mark.parametrize("call", CALLS)
def test_request_without_a_body_or_with_an_empty_one_is_taken(api, started, call):
    for sent in (
        {},
        {"data": b"", "content_type": "application/json"},
        {"data": b"{}", "content_type": "application/json"},
    ):
        assert api("POST", f"{started[0]}/{call}", **sent).status_code == 200


def test_cancellation_is_told_to_the_backend(api, started, sql):
    api("POST", f"{started[0]}/cancel")
    told = [json.loads(row[0]) for row in sql("SELECT payload FROM events")]
    assert [(it["status"], it["is_final"]) for it in told] == [("cancelled", True)]
