"""Several onboardings of one customer, one for each purpose, as the partner's backend sees them."""

import pytest

from portal.domain.onboarding import ConsentText
from tests.databases import on_both_databases
from tests.partners import KEYS, partners_file
from tests.store.test_concurrency import together
from tests.web.conftest import ONBOARDINGS, is_problem
from tests.web.test_partner_api import APPLICANT, bytes_of

PURPOSES = (None, "credit", "payout")


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def started(create):
    """Purpose → the answer."""
    return {purpose: create(purpose=purpose) for purpose in PURPOSES}


@on_both_databases
def test_customer_has_one_open_onboarding_for_each_purpose(started, create, api):
    assert [it.status_code for it in started.values()] == [201] * 3
    assert len({it.json["id"] for it in started.values()}) == 3
    for purpose, first in started.items():
        again = create(purpose=purpose)
        assert (again.status_code, again.data) == (200, first.data)
        said = api("GET", f"{ONBOARDINGS}/{first.json['id']}").json
        assert (said["external_id"], said["purpose"]) == ("customer-7", purpose)


@on_both_databases
def test_list_is_chosen_by_purpose(started, create, api):
    create("customer-8", purpose="credit")
    create(key=KEYS["bank"], purpose="credit")

    def listed(**query):
        found = api("GET", ONBOARDINGS, query_string=query).json["onboardings"]
        return {(it["external_id"], it["purpose"]) for it in found}

    assert listed(purpose="credit") == {("customer-7", "credit"), ("customer-8", "credit")}
    assert listed(purpose="credit", external_id="customer-7") == {("customer-7", "credit")}
    assert listed(external_id="customer-7") == {("customer-7", it) for it in PURPOSES}
    assert listed(purpose="nothing") == set()


def test_end_of_one_leaves_the_others_open(started, create, api):
    for purpose, ends in (("credit", "/cancel"), ("payout", "")):
        api("POST" if ends else "DELETE", f"{ONBOARDINGS}/{started[purpose].json['id']}{ends}")
    assert [create(purpose=purpose).status_code for purpose in PURPOSES] == [200, 201, 201]


def test_erased_one_says_nothing_of_its_purpose(started, api, sql):
    api("DELETE", f"{ONBOARDINGS}/{started['credit'].json['id']}")
    assert sql("SELECT purpose FROM onboardings WHERE erased_at IS NOT NULL") == [(None,)]
    assert sql("SELECT count(*) FROM customer_purposes") == [(1,)]


@on_both_databases
def test_key_holds_for_one_purpose(create, count):
    first = create(once="key-1", purpose="credit")
    assert bytes_of(create(once="key-1", purpose="credit")) == bytes_of(first)
    for other in (None, "payout"):
        assert is_problem(create(once="key-1", purpose=other), 422)
    assert count() == 1


def test_conflict_names_the_onboarding_of_the_purpose(started, create, onboardings, work):
    work()
    theirs = create(purpose="credit", applicant=APPLICANT).json["id"]
    onboardings.give_details(theirs, None, consent=ConsentText("2026-01"))
    work()
    other = APPLICANT | {"document_number": "30.999.888"}
    answer = create(purpose="credit", applicant=other)
    assert (answer.status_code, answer.json["code"], answer.json["id"]) == (409, "another_applicant", theirs)
    assert create(purpose="payout", applicant=other).json["id"] == started["payout"].json["id"]


@on_both_databases
def test_all_who_ask_at_once_get_one_for_each_purpose(create, count):
    answers = together(12, lambda i: create(purpose=PURPOSES[i % 3], once=f"key-{i}" if i % 2 else None))
    assert sorted(it.status_code for it in answers) == [200] * 9 + [201] * 3
    assert count() == len({it.json["id"] for it in answers}) == 3


@pytest.mark.parametrize("wrong", ["", "Credit", "credit card", "-credit", "7", "x" * 41, "crédito", 7, "credit\n"])
def test_purpose_is_a_short_slug(create, wrong):
    answer = create(purpose=wrong)
    assert is_problem(answer, 422) and answer.json["errors"][0]["field"] == "purpose"


def test_purpose_with_the_applicants_number_is_refused(create):
    answer = create(purpose="dni-30123456", applicant=APPLICANT)
    assert is_problem(answer, 422) and answer.json["errors"][0]["field"] == "purpose"


def test_what_is_no_purpose_cannot_be_listed(api):
    answer = api("GET", ONBOARDINGS, query_string={"purpose": "Credit"})
    assert is_problem(answer, 422) and answer.json["errors"][0]["field"] == "purpose"


def test_notifications_name_the_purpose(started, api, sql):
    api("POST", f"{ONBOARDINGS}/{started['credit'].json['id']}/cancel")
    assert '"purpose": "credit"' in sql("SELECT payload FROM events")[0][0]
