"""The partners' door, as their backends see it."""

from datetime import timedelta

import pytest

from portal.app import create_app
from portal.domain.onboarding import ConsentText
from portal.domain.stage import Stage
from portal.services.operator_actions import Operator
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding, some_details
from tests.partners import KEYS, RETURN_URL, partners_file
from tests.web.conftest import HOME, ONBOARDINGS, is_problem
from tests.web.stages import stored_as

APPLICANT = {
    "country": "AR",
    "document_number": "30.123.456",
    "first_name": "María  José",
    "last_name": "O'Higgins",
    "email": "maria@example.com",
}


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


def headers_of(answer):
    """But the request's id, which is another one each time."""
    return sorted(it for it in answer.headers if it[0] != "X-Request-Id")


def bytes_of(answer):
    return answer.status_code, answer.data, tuple(headers_of(answer))


@on_both_databases
def test_a_new_onboarding_has_a_link_that_opens(create, visitor):
    answer = create(state="s-1", return_url=RETURN_URL + "?order=7", capture="frame")
    assert (answer.status_code, answer.mimetype) == (201, "application/json")
    assert list(answer.json) == ["id", "url", "status", "stage", "expires_at"]
    assert (answer.json["status"], answer.json["stage"]) == ("pending", "details")
    assert answer.json["expires_at"] == "2026-04-01T12:00:00Z"
    assert visitor.get(answer.json["url"].removeprefix(HOME)).one("html")["lang"] == "pt-BR"


def test_what_was_wished_for_is_kept(create, onboardings):
    options = {"state": "s-1", "return_url": RETURN_URL + "?order=7", "capture": "frame", "locale": "en"}
    kept = onboardings.get(create(**options).json["id"])
    assert {name: getattr(kept, name) for name in options} == options
    assert (kept.partner, kept.external_id, kept.known_as) == ("shop", "customer-7", None)


def test_a_partner_without_a_locale_has_the_portals(create, onboardings, config):
    kept = onboardings.get(create(key=KEYS["bank"]).json["id"])
    assert (kept.locale, kept.known_as) == (config.default_locale, "bank:customer-7")


def test_the_link_says_nothing_of_who_asked(api):
    answer = api("POST", f"{ONBOARDINGS}?lang=en&via=qr", {"external_id": "x"})
    assert "?" not in answer.json["url"]


def test_the_applicants_data_are_as_the_form_has_them(create, onboardings):
    details = onboardings.get(create(applicant=APPLICANT).json["id"]).details
    assert (details.document_number, details.first_name, details.email) == (
        "30123456",
        "María José",
        "maria@example.com",
    )


@pytest.mark.parametrize("state", ["order 30.123.456", "３０１２３４５６", "maria＠example.com"])
def test_number_and_address_are_no_state_however_wide_their_letters_are(create, state, count):
    refused = create(applicant=APPLICANT, state=state)
    assert (is_problem(refused, 422), [it["field"] for it in refused.json["errors"]], count()) == (True, ["state"], 0)


@on_both_databases
def test_the_open_onboarding_is_given_again(create, count):
    first, second = create(), create()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.data == second.data
    assert count() == count("customers") == 1


def test_another_person_under_way_is_a_conflict(create, onboardings, work):
    first = create(applicant=APPLICANT)
    onboardings.give_details(first.json["id"], None, consent=ConsentText("2026-01"))
    work()
    answer = create(applicant=APPLICANT | {"document_number": "30.999.888"})
    assert is_problem(answer, 409)
    assert (answer.json["code"], answer.json["id"]) == ("another_applicant", first.json["id"])


@pytest.fixture
def typed(create, onboardings, work):
    """The customer typed a number, and gu1 has it."""
    answer = create()
    work()
    onboardings.give_details(answer.json["id"], some_details(), consent=ConsentText("2026-01"))
    work()
    return answer.json["id"]


def guess(create, number, **options):
    return create(applicant=APPLICANT | {"document_number": number}, **options)


@pytest.mark.asvs("2.4.1")
@on_both_databases
def test_customers_number_cannot_be_found_by_trial(create, typed):
    right, wrong = some_details().document_number, [f"30.999.{it}" for it in range(100, 106)]
    first = [guess(create, number, once=f"key-{number}") for number in wrong[:3]]
    assert [it.json["code"] for it in first] == ["another_applicant"] * 3
    later = [guess(create, number) for number in (right, *wrong)]
    assert len({bytes_of(it) for it in later}) == 1
    assert (later[0].status_code, later[0].json["code"], later[0].json["id"]) == (409, "applicant_locked", typed)
    assert create().status_code == 200


def test_repeated_key_of_a_refused_request_is_asked_anew(create, typed, count):
    assert [guess(create, "30.999.888", once="key-1").status_code for _ in range(2)] == [409, 409]
    assert (count(), count("idempotency_keys")) == (1, 0)
    assert guess(create, some_details().document_number, once="key-1").status_code == 200


def test_a_name_like_another_partners_customers_is_refused(create):
    answer = create(external_id="bank:customer-7")
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == "external_id"


def test_after_the_end_there_is_a_new_one(create, onboardings):
    first = create().json["id"]
    onboardings.stop(first)
    again = create()
    assert (again.status_code, again.json["id"] == first) == (201, False)


@pytest.mark.asvs("8.4.1")
def test_a_name_at_two_partners_is_two_customers(create, count):
    answers = [create(key=KEYS[slug]) for slug in ("shop", "bank")]
    assert [it.status_code for it in answers] == [201, 201]
    assert count() == 2


@on_both_databases
def test_a_key_sent_again_has_the_same_answer(create, onboardings, work, count):
    first = create(once="key-1", applicant=APPLICANT)
    found = create(once="key-2", applicant=APPLICANT)
    onboardings.give_details(first.json["id"], None, consent=ConsentText("2026-01"))
    work()
    assert create(applicant=APPLICANT).json["stage"] == "ready"
    assert bytes_of(create(once="key-1", applicant=APPLICANT)) == bytes_of(first)
    assert bytes_of(create(once="key-2", applicant=APPLICANT)) == bytes_of(found)
    assert (first.status_code, found.status_code, count()) == (201, 200, 1)


def test_a_key_outlives_the_onboarding_it_began(create, onboardings, count):
    first = create(once="key-1")
    onboardings.stop(first.json["id"])
    assert bytes_of(create(once="key-1")) == bytes_of(first)
    assert create().status_code == 201
    assert bytes_of(create(once="key-1")) == bytes_of(first)
    assert count() == 2


@on_both_databases
def test_a_key_with_another_body_is_refused(create, count):
    create(once="key-1")
    for other in ({"external_id": "customer-8"}, {"state": "x"}, {"applicant": APPLICANT}):
        refused = create(once="key-1", **other)
        assert is_problem(refused, 422) and "errors" not in refused.json
    assert count() == 1


def test_a_key_at_two_partners_is_two_keys(create):
    first, second = (create(key=KEYS[slug], once="key-1") for slug in ("shop", "bank"))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
    assert create(key=KEYS["bank"], once="key-1").data == second.data


def test_a_key_counts_after_a_secret_was_rotated(create, config, clock, gu1):
    first = create(once="key-1")
    rotated = create_app(
        config.model_copy(update={"secret_keys": ("n" * 32, *config.secret_keys)}), clock=clock, gu1=gu1
    )
    headers = {"Authorization": f"Bearer {KEYS['shop']}", "Idempotency-Key": "key-1"}
    again = rotated.test_client().post(HOME + ONBOARDINGS, json={"external_id": "customer-7"}, headers=headers)
    assert (again.status_code, again.json["id"]) == (201, first.json["id"])


@pytest.mark.parametrize("key", ["k", "k" * 255, '"8e03978e-40d5"', "a b"])
def test_keys_may_be_any_printable_text(create, key):
    assert create(once=key).data == create(once=key).data


@on_both_databases
def test_a_partner_reads_where_its_customer_stands(created, api):
    before = api("GET", created).json
    assert list(before) == [
        "id",
        "external_id",
        "purpose",
        "status",
        "stage",
        "reason",
        "identity_match",
        "correction",
        "decided_by",
        "attempts",
        "validation_id",
        "entity_id",
        "created_at",
        "updated_at",
        "verified_at",
        "verified_until",
        "needs_reverification",
        "can_retry_at",
        "is_final",
        "attempts_left",
        "expires_at",
        "livemode",
        "state",
        "metadata",
    ]
    assert (before["external_id"], before["stage"], before["attempts"]) == ("customer-7", "details", 0)
    assert before["created_at"] == "2026-03-02T12:00:00Z"


def test_a_verdict_is_read_with_its_time(api, store):
    approved = stored_as(Stage.APPROVED)["validation"]
    store.add(an_onboarding(id="of-the-shop", partner="shop", external_id="c-1", validation=approved))
    said = api("GET", f"{ONBOARDINGS}/of-the-shop").json
    assert (said["status"], said["stage"], said["attempts"]) == ("approved", "approved", 1)
    assert (said["validation_id"], said["verified_at"]) == (approved.gu1_id, "2026-03-02T12:00:00Z")


def test_head_answers_as_get_without_a_body(created, api):
    got, head = api("GET", created), api("HEAD", created)
    assert (head.status_code, head.data, headers_of(head)) == (200, b"", headers_of(got))


@pytest.mark.asvs("16.3.1")
@on_both_databases
def test_events_say_what_changed_and_who_changed_it(created, api, app, work):
    work()
    onboarding_id = created.rsplit("/", 1)[1]
    app.extensions["portal"].operator_actions.cancel(onboarding_id, Operator("ana", "ticket 7"))
    answer = api("GET", f"{created}/events")
    assert answer.status_code == 200
    first, last = answer.json["events"]
    assert first == {
        "at": "2026-03-02T12:00:00Z",
        "by": "partner",
        "action": "created",
        "attempt": 0,
        "old_status": None,
        "old_stage": None,
        "new_status": "pending",
        "new_stage": "details",
        "reason": None,
    }
    assert (last["by"], last["action"], last["old_stage"], last["new_stage"]) == (
        "operator",
        "cancelled",
        "details",
        "cancelled",
    )
    assert "ana" not in answer.text and "ticket" not in answer.text


STRANGE_IDS = ["unknown", "%00", "a%00b", "%F0%9F%98%80", "%FF", "x" * 5000, "..", "%27%20OR%201=1"]


@pytest.mark.asvs("8.2.2")
@on_both_databases
def test_foreign_unknown_and_erased_ids_look_the_same(created, create, api):
    foreign = f"{ONBOARDINGS}/{create(key=KEYS['bank']).json['id']}"
    api("DELETE", created)
    paths = [created, foreign, *(f"{ONBOARDINGS}/{it}" for it in STRANGE_IDS)]
    for method in ("GET", "HEAD"):
        answers = {bytes_of(api(method, path)) for path in paths}
        assert len(answers) == 1 and answers.pop()[0] == 404


@on_both_databases
def test_events_of_foreign_unknown_and_erased_ids_look_the_same(created, create, api):
    foreign = f"{ONBOARDINGS}/{create(key=KEYS['bank']).json['id']}"
    api("DELETE", created)
    paths = [created, foreign, *(f"{ONBOARDINGS}/{it}" for it in STRANGE_IDS)]
    answers = {bytes_of(api("GET", f"{path}/events")) for path in paths}
    assert len(answers) == 1 and is_problem(api("GET", f"{created}/events"), 404)


@on_both_databases
def test_erasing_foreign_and_unknown_ids_looks_the_same(create, api, onboardings):
    foreign = create(key=KEYS["bank"]).json["id"]
    paths = [f"{ONBOARDINGS}/{it}" for it in (foreign, *STRANGE_IDS)]
    answers = {bytes_of(api("DELETE", path)) for path in paths}
    assert len(answers) == 1 and answers.pop()[0] == 404
    assert onboardings.get(foreign).erased_at is None


def test_who_came_without_a_partner_is_no_partners(api, visitor, app):
    token = visitor.begin().removeprefix("/o/")
    onboarding_id = app.extensions["portal"].access_links.onboarding_id(token)
    for method in ("GET", "DELETE"):
        assert is_problem(api(method, f"{ONBOARDINGS}/{onboarding_id}"), 404)


@on_both_databases
def test_erasing_gives_the_same_receipt_each_time(created, api, clock):
    onboarding_id = created.rsplit("/", 1)[1]
    first = api("DELETE", created)
    clock.advance(days=1)
    again = api("DELETE", created)
    assert first.status_code == 200
    assert first.json == {
        "id": onboarding_id,
        "erased_at": "2026-03-02T12:00:00Z",
        "kept_at_gu1": {"entity_id": None, "validation_id": None},
    }
    assert bytes_of(again) == bytes_of(first)


def test_the_receipt_names_what_gu1_keeps(create, api, onboardings, work):
    onboarding_id = create(applicant=APPLICANT).json["id"]
    onboardings.give_details(onboarding_id, None, consent=ConsentText("2026-01"))
    work()
    receipt = api("DELETE", f"{ONBOARDINGS}/{onboarding_id}").json
    assert receipt["kept_at_gu1"] == {"entity_id": "entity-1", "validation_id": "validation-1"}


def test_an_erased_customer_can_be_invited_anew(created, create, api):
    create(once="key-1")
    api("DELETE", created)
    answer = create(once="key-1")
    assert (answer.status_code, created.endswith(answer.json["id"])) == (201, False)


@on_both_databases
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_without_a_database_it_is_to_be_tried_again(api, created, sql, method):
    sql("ALTER TABLE onboardings RENAME TO away")
    answer = api(
        method, ONBOARDINGS if method == "POST" else created, {"external_id": "x"} if method == "POST" else None
    )
    assert is_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.asvs("2.3.3")
@on_both_databases
def test_a_row_that_cannot_be_written_leaves_nothing(create, writes_fail, count):
    mend = writes_fail("customers")
    assert is_problem(create(once="key-1"), 503)
    mend()
    assert (count(), count("idempotency_keys")) == (0, 0)
    assert create(once="key-1").status_code == 201


@pytest.mark.asvs("7.4.1")
@pytest.mark.parametrize("path", ["", "/status", "/continue", "/qr.svg"])
def test_the_link_of_an_erased_person_is_over(create, api, visitor, path):
    answer = create().json
    link = answer["url"].removeprefix(HOME)
    assert visitor.get(link + path).status != 410
    api("DELETE", f"{ONBOARDINGS}/{answer['id']}")
    assert visitor.get(link + path).status == 410


def test_an_open_page_learns_that_its_person_was_erased(create, api, visitor):
    answer = create().json
    link = answer["url"].removeprefix(HOME)
    api("DELETE", f"{ONBOARDINGS}/{answer['id']}")
    gone = visitor.get(f"{link}/status?part=status")
    assert gone.leads_to == link


@pytest.mark.asvs("7.4.2", "7.4.5")
@pytest.mark.parametrize("path", ["", "/status", "/continue", "/qr.svg"])
def test_a_link_of_a_partner_that_is_off_is_over(stored, visitor, path):
    assert visitor.get(stored(partner="gone", **stored_as(Stage.WAITING)) + path).status == 410


def test_no_personal_data_is_logged(create, api, caplog):
    caplog.set_level("DEBUG")
    answer = create(applicant=APPLICANT, state="a-state", once="a-key")
    create(applicant=APPLICANT | {"document_number": "1"})
    create(once="a-key")
    api("DELETE", f"{ONBOARDINGS}/{answer.json['id']}")
    planted = ("customer-7", "30123456", "O'Higgins", "maria@", "a-state", "a-key", KEYS["shop"])
    assert not any(word in caplog.text for word in planted)


def test_a_customer_is_asked_again_on_request(create, onboardings, api):
    created = create(reverify=True)
    assert (created.status_code, created.json["stage"]) == (201, "details")
    kept = onboardings.get(created.json["id"])
    assert (kept.reverify, kept.due_at) == (True, None)
    said = api("GET", f"{ONBOARDINGS}/{created.json['id']}").json
    assert (said["verified_until"], said["needs_reverification"]) == (None, False)
    refused = create("customer-8", reverify="yes")
    assert is_problem(refused, 422) and refused.json["errors"][0]["field"] == "reverify"


def test_a_request_of_before_is_repeated_as_it_was(create, api):
    """Idempotency keys of the release before, which did not know `reverify`."""
    first = create(once="key-1")
    assert create(once="key-1", reverify=False).data == first.data
    assert create(once="key-1", reverify=True).status_code == 422


def test_when_an_approval_ends_is_read(api, store):
    approved = stored_as(Stage.APPROVED)["validation"]
    later = {"verified_until": NOW + timedelta(days=365), "reverification_due_at": NOW}
    store.add(an_onboarding(id="of-the-shop", partner="shop", external_id="c-1", validation=approved, **later))
    said = api("GET", f"{ONBOARDINGS}/of-the-shop").json
    assert (said["verified_until"], said["needs_reverification"]) == ("2027-03-02T12:00:00Z", True)
