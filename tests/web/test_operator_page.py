"""The operator's page does what the commands do, for nobody else, and writes who did it."""

from __future__ import annotations

from base64 import b64encode

import pytest

from portal.domain.onboarding import ConsentText
from portal.domain.reference import reference_of
from portal.domain.status import Status
from portal.domain.validation import IdentityMatch
from portal.operator_app import operator_app
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from portal.web.operator.handlers import ACTIONS, FOR_GOOD
from tests.databases import on_both_databases
from tests.factories import an_adopted_validation, an_onboarding, some_details
from tests.store.outbox import add_events, notifying_store

TOKEN = "kR7wPz2mXq9vLd4T"
HERE = "http://desk.example:9200"
BASIC = "Basic " + b64encode(f"ana:{TOKEN}".encode()).decode()
KNOWN = {"Authorization": BASIC}
SIGNED = {"by": "ana", "note": "compared at gu1"}


@pytest.fixture
def desk(config, clock):
    return operator_app(config.model_copy(update={"operator_token": TOKEN}), clock=clock).test_client()


@pytest.fixture
def get(desk):
    def get(path, **headers):
        return desk.get(path, base_url=HERE, headers=KNOWN | headers)

    return get


@pytest.fixture
def post(desk):
    def post(path, data, **headers):
        return desk.post(path, base_url=HERE, data=data, headers=KNOWN | {"Sec-Fetch-Site": "same-origin"} | headers)

    return post


@pytest.fixture
def engine(shared_engines, config):
    return shared_engines["test"].connect_to(config.database_url)


@pytest.fixture
def held(engine, config):
    store = Repository(engine, ColumnCipher(config.secret_keys))
    doubtful = an_adopted_validation(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)
    return store.add(an_onboarding(validation=doubtful, submission=None, due_at=None))


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("sent", [None, "Bearer wrong", BASIC[:-4], "Basic nonsense", f"Digest {TOKEN}"])
def test_nobody_without_the_token_comes_in(desk, held, sent):
    for path in ("/", "/find?name=x", f"/onboardings/{held.id}", "/problems/held", "/deliveries", "/style.css"):
        answer = desk.get(path, base_url=HERE, headers={"Authorization": sent} if sent else {})
        assert (answer.status_code, "Basic" in answer.headers["WWW-Authenticate"]) == (401, True)
        assert held.id not in answer.text


@pytest.mark.asvs("16.3.1", "16.3.2")
def test_refusals_are_logged_without_what_was_sent(desk, config, caplog):
    desk.get("/", base_url=HERE)
    assert caplog.messages == []
    desk.get("/", base_url=HERE, headers={"Authorization": "Bearer wrong"})
    desk.post("/", base_url=HERE, headers=KNOWN | {"Sec-Fetch-Site": "cross-site"})
    without_token = operator_app(config.model_copy(update={"operator_token": None})).test_client()
    without_token.get("/", base_url="http://rebound.example:9200")
    assert [it.split(",")[0] for it in caplog.messages] == [
        f"refused: {kind}" for kind in ("wrong_key", "cross_site", "foreign_host")
    ]


@pytest.mark.long
def test_proxy_may_send_the_token_as_bearer(desk):
    assert desk.get("/", base_url=HERE, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_without_a_token_only_this_machine_comes_in(config):
    desk = operator_app(config).test_client()
    assert desk.get("/", base_url="http://127.0.0.1:9200").status_code == 200
    assert desk.get("/", base_url="http://rebound.example:9200").status_code == 421


def test_headers_leave_nothing_to_others(get):
    for path in ("/", "/problems/held", "/style.css", "/nowhere"):
        headers = get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert "Set-Cookie" not in headers


def test_reference_leads_to_its_onboarding(get, held):
    found = get(f"/find?name={reference_of(held.id).lower()}")
    assert (found.status_code, found.location) == (303, f"/onboardings/{held.id}")
    assert "No onboarding" in get("/find?name=nobody").text
    page = get(f"/onboardings/{held.id}").text
    assert reference_of(held.id) in page and "mismatch" in page
    assert 'value="ana"' in page
    assert get("/onboardings/nobody").status_code == 404


def test_lists_name_what_is_held(get, held):
    assert reference_of(held.id) in get("/problems/held").text
    assert "No onboarding is stuck" in get("/problems/stuck").text
    assert get("/problems/other").status_code == 404


def test_action_is_done_once_and_says_by_whom_and_why(get, post, held):
    done = post(f"/onboardings/{held.id}/release", SIGNED)
    assert (done.status_code, done.location) == (303, f"/onboardings/{held.id}?done=release")
    page = get(done.location).text
    assert "Done: release." in page and "operator ana" in page and "compared at gu1" in page
    again = post(f"/onboardings/{held.id}/release", SIGNED)
    assert (again.status_code, "Nothing was changed: its approval is not held" in again.text) == (409, True)


@pytest.mark.parametrize("given", [{"by": ""}, {"note": " "}, {"by": "x" * 101}, {"note": "a\nb"}])
def test_unsigned_action_changes_nothing_and_keeps_what_was_typed(post, held, onboardings, given):
    refused = post(f"/onboardings/{held.id}/release", SIGNED | given)
    assert (refused.status_code, "Nothing was changed" in refused.text) == (400, True)
    assert onboardings.get(held.id) == held


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {},
    ],
)
def test_what_another_site_sends_changes_nothing(desk, held, onboardings, headers):
    path = f"/onboardings/{held.id}/release"
    assert desk.post(path, base_url=HERE, data=SIGNED, headers=KNOWN | headers).status_code == 403
    assert onboardings.get(held.id) == held


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_answers(post, held, action):
    data = SIGNED | {f"sure_to_{action}": action} | ({"reason": "not_eligible"} if action == "reject" else {})
    assert post(f"/onboardings/{held.id}/{action}", data).status_code in {303, 409, 502}


@pytest.mark.parametrize("action", sorted(FOR_GOOD))
def test_what_nothing_undoes_needs_more_than_one_press(post, held, onboardings, action):
    before = onboardings.get(held.id)
    for sure in ({}, {"sure_to_another": "another"}):
        answer = post(f"/onboardings/{held.id}/{action}", SIGNED | sure)
        assert (answer.status_code, "tick the box" in answer.text) == (400, True)
    assert onboardings.get(held.id) == before


def test_rejection_needs_a_reason_that_needs_a_person(post, held, onboardings):
    assert post(f"/onboardings/{held.id}/reject", SIGNED | {"reason": "face_unclear"}).status_code == 400
    assert post(f"/onboardings/{held.id}/other", SIGNED).status_code == 404
    assert onboardings.get(held.id) == held


def test_deliveries_are_listed_and_sent_again(get, post, engine):
    store = notifying_store(engine)
    add_events(store)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET due_at = NULL, attempts = 9, outcome = 'HTTP 500'")
        event_id = connection.exec_driver_sql("SELECT id FROM events").scalar()
    page = get("/deliveries").text
    assert "given up" in page and "HTTP 500" in page
    assert post("/deliveries", {"event": event_id}).status_code == 303
    assert "next try" in get("/deliveries?partner=shop").text
    assert "All notifications are delivered" in get("/deliveries?partner=other").text
    assert post("/deliveries", {"event": "none"}).status_code == 404


def test_funnel_counts_the_last_days(get, begun_today):
    assert f"preparing: {begun_today} today" in get("/").text


@pytest.fixture
def begun_today(onboardings):
    onboardings.start(some_details(), locale="en", consent=ConsentText("2026-01"), nonce="form-1")
    return 1


def test_no_page_shows_personal_data(get, onboardings, begun_today, engine):
    with engine.connect() as connection:
        onboarding_id = connection.exec_driver_sql("SELECT id FROM onboardings").scalar()
    details = onboardings.get(onboarding_id).details
    for path in ("/", f"/onboardings/{onboarding_id}", "/problems/failing", "/find?name=x"):
        page = get(path).text
        assert not [it for it in (details.document_number, details.last_name, details.email) if it and it in page]


@pytest.mark.parametrize(
    "path", ["/find?name=a%00", "/onboardings/a%00", "/deliveries?partner=%00", "/problems/%00", "/onboardings/%00/x"]
)
@on_both_databases
def test_name_with_a_nul_is_nobodys(get, post, path):
    assert get(path).status_code in {404, 405}
    assert post("/onboardings/%00/cancel", SIGNED | {"sure_to_cancel": "cancel"}).status_code == 404
    assert post("/deliveries", {"event": "\0"}).status_code == 404


@on_both_databases
def test_while_the_database_fails_it_says_so_without_a_trace(get, post, held, reads_fail, caplog):
    mend = reads_fail()
    for answer in (get("/"), get(f"/onboardings/{held.id}"), post(f"/onboardings/{held.id}/resume", SIGNED)):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not [record for record in caplog.records if record.exc_info]
    mend()
    assert get(f"/onboardings/{held.id}").status_code == 200
