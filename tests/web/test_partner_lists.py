"""What partners list, and what of it they change."""

import base64

import pytest

from portal.domain.onboarding import ConsentText
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.services import partner_onboardings
from tests.databases import on_both_databases
from tests.factories import NOW, an_adopted_validation, an_onboarding, some_details
from tests.partners import KEYS, RETURN_URL, partners_file
from tests.web.conftest import ONBOARDINGS, is_problem
from tests.web.test_partner_api import APPLICANT, STRANGE_IDS, bytes_of


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def listed(api):
    """The ids of a page, and its cursor."""

    def listed(key=KEYS["shop"], **query):
        answer = api("GET", ONBOARDINGS, key=key, query_string=query)
        assert answer.status_code == 200, answer.text
        return [it["id"] for it in answer.json["onboardings"]], answer.json["next"]

    return listed


@pytest.fixture
def five(create, clock):
    """The ids of the shop's, the oldest first: two of one moment, and one of the bank's between them."""
    ids = []
    for number in range(5):
        ids.append(create(f"customer-{number}").json["id"])
        create(f"customer-{number}", key=KEYS["bank"])
        clock.advance(seconds=0 if number == 1 else 1)
    return ids


def all_pages(listed, **query):
    ids, after = listed(**query)
    query.pop("after", None)
    while after:
        more, after = listed(**query, after=after)
        ids += more
    return ids


# The list


@on_both_databases
def test_list_has_the_partners_own_and_the_newest_first(five, listed, api):
    ids, after = listed()
    assert (set(ids), ids[0], ids[-1], after) == (set(five), five[4], five[0], None)
    entry = api("GET", ONBOARDINGS, query_string={"limit": 1}).json["onboardings"][0]
    assert entry == api("GET", f"{ONBOARDINGS}/{five[4]}").json


@on_both_databases
@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_pages_have_each_once_while_others_are_started(five, listed, create, clock, limit):
    whole, _ = listed()
    first, after = listed(limit=limit)
    clock.advance(seconds=1)
    create("meanwhile")
    rest = all_pages(listed, limit=limit, after=after) if after else []
    assert first + rest == whole


@on_both_databases
def test_list_is_chosen_from(five, listed, store, api):
    assert listed(external_id="customer-3") == ([five[3]], None)
    assert listed(external_id="nobody") == ([], None)
    assert listed(created_after="2026-03-02T12:00:01Z")[0] == [five[4], five[3]]
    assert listed(created_after="2026-03-02T09:00:01-03:00")[0] == [five[4], five[3]]
    api("POST", f"{ONBOARDINGS}/{five[2]}/cancel")
    assert listed(status="cancelled") == listed(stage="cancelled") == ([five[2]], None)
    approved = an_adopted_validation(gu1_id="v-9", nonce="n-9", status=Status.APPROVED, opened_at=NOW)
    store.add(an_onboarding(id="verified", partner="shop", external_id="c-9", validation=approved))
    assert listed(status="approved", stage="approved")[0] == ["verified"]
    assert listed(status="approved", stage="details") == ([], None)


def test_erased_ones_are_left_out(five, listed, api):
    api("DELETE", f"{ONBOARDINGS}/{five[4]}")
    assert five[4] not in listed()[0] and len(listed()[0]) == 4


def test_page_ends_after_so_many_looks_and_others_follow(five, listed, monkeypatch, api):
    monkeypatch.setattr(partner_onboardings, "LOOKS", 2)
    monkeypatch.setattr(partner_onboardings, "SLICE", 1)
    api("POST", f"{ONBOARDINGS}/{five[0]}/cancel")
    ids, after = listed(status="cancelled")
    assert (ids, bool(after)) == ([], True)
    assert all_pages(listed, status="cancelled") == [five[0]]


WRONG = [
    ({"limit": "0"}, "limit", "Must be at least 1"),
    ({"limit": "101"}, "limit", "Must be at most 100"),
    ({"limit": "x"}, "limit", "Must be a whole number"),
    ({"status": "verified"}, "status", "Must be one of"),
    ({"stage": ""}, "stage", "Must be one of"),
    ({"created_after": "yesterday"}, "created_after", "Must be a time with its zone"),
    ({"created_after": "0"}, "created_after", "Must be a time with its zone"),
    ({"created_after": "2026-13-02T12:00:00Z"}, "created_after", "Must be a time with its zone"),
    ({"created_after": "2026-03-02T12:00:00"}, "created_after", "Must be a time with its zone"),
    ({"external_id": "a\0"}, "external_id", "printable"),
    ({"after": "x"}, "after", "Is not a cursor of this list"),
    ({"after": base64.urlsafe_b64encode(b"1 a\0b").decode()}, "after", "Is not a cursor of this list"),
    ({"after": base64.urlsafe_b64encode(b"9" * 40 + b" a").decode()}, "after", "Is not a cursor of this list"),
    ({"order": "asc"}, "order", "There is no such field"),
]


@pytest.mark.asvs("1.4.2", "2.2.1")
@on_both_databases
@pytest.mark.parametrize(("query", "field", "message"), WRONG, ids=lambda it: str(it)[:30])
def test_what_cannot_be_listed_is_refused(api, query, field, message):
    answer = api("GET", ONBOARDINGS, query_string=query)
    assert is_problem(answer, 422)
    assert answer.json["errors"][0]["field"] == field and message in answer.json["errors"][0]["message"]


# Changes


@pytest.fixture
def change(api, created):
    return lambda body, **options: api("PATCH", created, body, **options)


@on_both_databases
def test_what_is_given_changes_and_the_rest_stays(change, created, api, onboardings):
    body = {"locale": "en", "return_url": f"{RETURN_URL}?a='b", "state": "s-2", "metadata": {"plan": "gold"}}
    changed = change(body)
    assert (changed.status_code, changed.json["state"], changed.json["metadata"]) == (200, "s-2", {"plan": "gold"})
    assert bytes_of(api("GET", created)) == bytes_of(changed)
    kept = onboardings.get(changed.json["id"])
    assert (kept.locale, kept.return_url) == ("en", f"{RETURN_URL}?a=%27b")
    assert change({"state": None}).json["metadata"] == {"plan": "gold"}
    assert change({"metadata": {"n": "1"}}).json["metadata"] == {"n": "1"}
    assert change({"metadata": None, "return_url": None}).json["metadata"] == {}
    assert onboardings.get(changed.json["id"]).return_url is None


def test_same_change_twice_is_one(change, onboardings):
    first, again = (change({"state": "s-2"}, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert bytes_of(first) == bytes_of(again)


def test_what_is_over_is_not_changed(change, created, api):
    api("POST", f"{created}/cancel")
    refused = change({"state": "x"})
    assert is_problem(refused, 409) and refused.json["code"] == "onboarding_over"


REFUSED = [
    ({"external_id": "x"}, "external_id"),
    ({"locale": "de"}, "locale"),
    ({"locale": None}, "locale"),
    ({"return_url": "https://evil.example/"}, "return_url"),
    ({"state": "s" * 513}, "state"),
    ({"state": 7}, "state"),
    ({"metadata": {str(n): "" for n in range(21)}}, "metadata"),
    ({"metadata": {"k" * 41: ""}}, "metadata." + "k" * 41 + ".[key]"),
    ({"metadata": {"": ""}}, "metadata..[key]"),
    ({"metadata": {"a": "x" * 501}}, "metadata.a"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"metadata": {"a": "\0"}}, "metadata.a"),
    ({"metadata": "a"}, "metadata"),
    ({"metadata": {"contact": "ana@example.com"}}, "metadata"),
    ({"metadata": {"ana@example.com": "1"}}, "metadata"),
    ({"metadata": {"dni": "30.123.456"}}, "metadata"),
    ({"metadata": {"note": "cuil 20-30123456-3"}}, "metadata"),
    ({"state": "529.982.247-25"}, "state"),
]


@pytest.mark.asvs("8.2.3", "15.3.3")
@pytest.mark.parametrize(("body", "field"), REFUSED, ids=lambda it: str(it)[:40])
def test_wrong_change_is_refused_and_changes_nothing(change, created, api, body, field):
    before = api("GET", created).data
    answer = change(body)
    assert is_problem(answer, 422)
    assert [it["field"] for it in answer.json["errors"]] == [field]
    assert api("GET", created).data == before


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"", "content_type": "application/json"}, 400),
        ({"data": b"[]", "content_type": "application/json"}, 422),
        ({"data": b'{"state": "x"}'}, 415),
        ({"data": b"state=x", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b'{"state": "x"}'.ljust(16385), "content_type": "application/json"}, 413),
        ({"json": {"state": "x"}, "headers": {"Idempotency-Key": "ñ"}}, 400),
    ],
)
def test_change_that_cannot_be_read_is_refused(change, created, api, sent, status):
    assert is_problem(change(None, **sent), status)
    assert api("GET", created).json["state"] is None


def test_change_of_nothing_is_taken(change, created, api):
    before = api("GET", created).data
    assert change({}).data == before


@on_both_databases
def test_changes_of_foreign_unknown_and_erased_ids_look_the_same(created, create, api):
    foreign = f"{ONBOARDINGS}/{create(key=KEYS['bank']).json['id']}"
    api("DELETE", created)
    paths = [created, foreign, *(f"{ONBOARDINGS}/{it}" for it in STRANGE_IDS)]
    answers = {bytes_of(api("PATCH", path, {"state": "x"})) for path in paths}
    assert len(answers) == 1 and answers.pop()[0] == 404
    assert api("GET", foreign, key=KEYS["bank"]).json["state"] is None


# Metadata


def test_most_metadata_come_back(create, api):
    most = {f"{n:ñ>40}": "x" * 500 for n in range(20)}
    answer = create(metadata=most)
    assert answer.status_code == 201
    assert api("GET", f"{ONBOARDINGS}/{answer.json['id']}").json["metadata"] == most


def test_asked_again_without_metadata_they_stay(create, api):
    path = f"{ONBOARDINGS}/{create(metadata={'a': '1'}).json['id']}"
    create()
    assert api("GET", path).json["metadata"] == {"a": "1"}
    create(metadata={"b": "2"})
    assert api("GET", path).json["metadata"] == {"b": "2"}


@pytest.mark.parametrize("text", ["30123456", "n. 30-123-456", "x30.123.456y", "maria@example.com"])
def test_number_and_address_of_the_applicant_are_refused(create, count, text):
    for options in ({"metadata": {"a": text}}, {"metadata": {text: "a"}}, {"state": text}):
        assert is_problem(create(applicant=APPLICANT, **options), 422)
    assert count() == 0


def test_later_too_where_the_partner_gave_the_number(create, api):
    path = f"{ONBOARDINGS}/{create(applicant=APPLICANT).json['id']}"
    assert is_problem(api("PATCH", path, {"metadata": {"a": "30123456"}}), 422)
    assert api("PATCH", path, {"metadata": {"a": "30123457"}}).status_code == 200


def test_number_that_the_customer_typed_cannot_be_found_by_trial(created, onboardings, api):
    onboardings.give_details(created.rsplit("/", 1)[1], some_details(), consent=ConsentText("2026-01"))
    answer = api("PATCH", created, {"metadata": {"a": some_details().document_number}})
    assert answer.status_code == 200


@pytest.fixture
def noted(create, onboardings, work):
    """The address of an onboarding with notes that gu1 has the validation of."""
    answer = create(applicant=APPLICANT, state="planted-state", metadata={"planted-key": "planted-text"})
    onboardings.give_details(answer.json["id"], None, consent=ConsentText("2026-01"))
    work()
    return f"{ONBOARDINGS}/{answer.json['id']}"


@pytest.mark.asvs("14.2.3")
def test_notes_are_never_sent_to_gu1(noted, api, work, gu1):
    api("POST", f"{noted}/cancel")
    work()
    assert gu1.calls and "planted" not in repr(gu1.calls) + repr(gu1.validations) + repr(gu1.entities)


@on_both_databases
def test_notes_are_told_and_erased_with_the_rest(noted, api, sql):
    api("POST", f"{noted}/cancel")
    told = sql("SELECT payload FROM events ORDER BY sequence")[-1][0]
    assert all(f"planted-{it}" in told for it in ("state", "key", "text"))
    api("DELETE", noted)
    assert "planted" not in repr(sql("SELECT * FROM onboardings")) + repr(sql("SELECT * FROM events"))


def test_new_stage_is_told_with_the_notes(create, api):
    path = f"{ONBOARDINGS}/{create(state='s-1', metadata={'a': '1'}).json['id']}"
    said = api("GET", path).json
    assert (said["stage"], said["state"], said["metadata"]) == (Stage.DETAILS, "s-1", {"a": "1"})
