import pytest

from portal.domain.onboarding import StallReason
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.databases import on_both_databases
from tests.factories import NOW, a_validation
from tests.page import OLDER_PAGE
from tests.web.stages import FINAL, SESSION_URL, SHOWN, WAITED_FOR, adopted, ready_again, rejected, stored_as


def told(status, stage):
    """An approval that is still in doubt is nobody's business yet."""
    return "in_review" if stage is Stage.CONFIRMING else status


def section(page):
    return page.one("section", id="status")


@on_both_databases
@pytest.mark.parametrize("stage", SHOWN)
def test_each_stage_has_a_page_that_names_it(visitor, stored, stage):
    kept = stored_as(stage)
    shown = section(visitor.get(stored(**kept)))
    assert shown["data-stage"] == stage
    assert shown["data-status"] == told(kept["validation"].status, stage)
    assert shown["data-reason"] == (kept["validation"].reason or "")
    assert shown["role"] == "status"


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_page_that_names_it(visitor, stored, reason):
    page = visitor.get(stored(validation=rejected(reason)))
    assert section(page)["data-reason"] == reason
    assert page.text("h1")


@pytest.mark.parametrize("status", Status)
def test_each_word_of_gu1_has_a_page(visitor, stored, status):
    page = visitor.get(stored(validation=adopted(status=status, opened_at=NOW)))
    assert page.status == 200
    assert section(page)["data-status"] == status


def test_an_unknown_word_is_waited_out(visitor, stored):
    shown = section(visitor.get(stored(validation=adopted(status=Status.UNKNOWN, opened_at=NOW))))
    assert shown["data-stage"] == Stage.WAITING
    assert shown["hx-get"]


@pytest.mark.parametrize("stage", WAITED_FOR)
def test_while_there_is_something_to_wait_for_the_page_asks(visitor, stored, stage):
    path = stored(**stored_as(stage))
    page = visitor.get(path)
    assert section(page)["hx-trigger"].startswith("every ")
    assert section(page)["hx-get"].startswith(f"{path}/status?v=")
    assert page.one("meta", http_equiv="refresh")["content"].isdigit()
    assert page.all("a", href=path)


@pytest.mark.parametrize("stage", FINAL)
def test_at_the_end_the_page_asks_rarely(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)))
    assert section(page)["hx-trigger"].startswith("every 60000ms")
    assert visitor.get(section(page)["hx-get"]).status == 204
    assert not page.all("meta", http_equiv="refresh")


def test_of_what_was_stopped_nobody_asks_any_more(visitor, stored):
    page = visitor.get(stored(**stored_as(Stage.WAITING), stopped_at=NOW))
    assert not {"hx-get", "hx-trigger"} & set(section(page))


@pytest.mark.parametrize("stage", [stage for stage in SHOWN if stage is not Stage.READY])
def test_page_and_fragment_show_the_same(visitor, stored, stage):
    path = stored(**stored_as(stage))
    page, fragment = visitor.get(path), visitor.get(f"{path}/status")
    varying = {"hx-trigger"}  # jittered
    assert "<html" not in fragment.html
    assert {name: value for name, value in section(page).items() if name not in varying} == {
        name: value for name, value in section(fragment).items() if name not in varying
    }
    assert page.text("section", id="status") == fragment.text("section", id="status")
    assert page.text("title") == fragment.text("title")


@pytest.mark.parametrize("stage", [stage for stage in WAITED_FOR if stage is not Stage.READY])
def test_nothing_is_sent_where_nothing_changed(visitor, stored, stage):
    path = stored(**stored_as(stage))
    unchanged = visitor.get(section(visitor.get(path))["hx-get"])
    assert (unchanged.status, unchanged.html) == (204, "")
    assert visitor.get(f"{path}/status?v=000000000000").status == 200


@on_both_databases
def test_a_change_is_sent_once(visitor, gu1, clock, work):
    path = visitor.begin()
    work()
    visitor.get(f"{path}/continue")
    asked = section(visitor.get(path))["hx-get"]
    clock.advance(minutes=1)
    gu1.becomes("validation-1", Status.IN_REVIEW)
    work()
    changed = visitor.get(asked)
    assert section(changed)["data-stage"] == Stage.IN_REVIEW
    assert visitor.get(section(changed)["hx-get"]).status == 204


def test_pages_ask_less_often_with_age(visitor, stored, clock):
    path = stored(**stored_as(Stage.WAITING))
    paces = []
    for minutes in (0, 5, 30, 300):
        clock.now = NOW
        clock.advance(minutes=minutes)
        paces.append(visitor.get(f"{path}/status", headers={"Accept": "application/json"}).json["poll_after_seconds"])
    assert paces == sorted(set(paces))


@pytest.mark.parametrize("version", ["v=000000000000&", ""])
def test_the_first_poll_that_finds_a_retrys_hosted_page_goes_there(visitor, stored, version):
    path = stored(**ready_again())
    answer = visitor.get(f"{path}/status?{version}part=status")
    assert answer.status == 200
    assert answer.leads_to == answer.one("a")["href"] == f"{path}/continue"


def test_a_poll_that_finds_refused_details_goes_to_the_form(visitor, stored):
    path = stored(**stored_as(Stage.DETAILS))
    assert visitor.get(f"{path}/status?part=status").leads_to == path


def test_a_page_from_before_an_upgrade_is_led_by_the_headers_that_it_knows(visitor, stored):
    path = stored(**ready_again())
    assert visitor.get(f"{path}/status", headers=OLDER_PAGE).response.headers["HX-Redirect"] == f"{path}/continue"
    stays = visitor.get(f"{path}/status", headers=OLDER_PAGE | {"X-Pointer": "fine", "X-Camera": "none"})
    assert stays.one("a", href=f"{path}/continue")["target"] == "_blank"
    assert visitor.get(section(stays)["hx-get"], headers=OLDER_PAGE | {"X-Camera": "none"}).status == 204


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/html"}])
def test_whoever_lost_the_part_on_the_way_is_never_sent_to_the_hosted_page(visitor, stored, headers):
    """A proxy that drops headers from a page of before an upgrade; or a person who types the address."""
    path = stored(**stored_as(Stage.READY))
    answer = visitor.get(f"{path}/status", headers=headers)
    assert (answer.status, answer.stage, answer.leads_to) == (200, Stage.READY, None)


@pytest.mark.parametrize("stage", Stage)
def test_programs_read_the_status_as_json(visitor, stored, stage):
    kept = stored_as(stage)
    answer = visitor.get(f"{stored(**kept)}/status?v=x", headers={"Accept": "application/json"})
    poll = answer.json.pop("poll_after_seconds")
    assert answer.response.mimetype == "application/json"
    assert (poll is None) == stage.is_final
    assert answer.json == {
        "stage": stage,
        "status": told(kept["validation"].status, stage),
        "reason": kept["validation"].reason,
        "attempts_left": 3 - kept["validation"].number,
        "can_retry_at": None,
    }


@pytest.mark.parametrize("accept", ["text/html", "*/*", "text/html, application/json;q=0.9", "image/png", ""])
def test_browsers_read_the_status_as_html(visitor, stored, accept):
    answer = visitor.get(f"{stored(**stored_as(Stage.WAITING))}/status", headers={"Accept": accept})
    assert answer.response.mimetype == "text/html"


@pytest.mark.parametrize("stage", [Stage.READY, Stage.WAITING, Stage.ABANDONED])
def test_the_hosted_page_opens_where_it_may(visitor, stored, stage):
    path = stored(**stored_as(stage))
    answer = visitor.get(f"{path}/continue")
    assert (answer.status, answer.response.headers["Location"]) == (303, SESSION_URL)
    assert visitor.get(path).one("a", href=f"{path}/continue")


@pytest.mark.parametrize(
    "stage", [stage for stage in Stage if stage not in {Stage.READY, Stage.WAITING, Stage.ABANDONED}]
)
def test_elsewhere_the_way_on_leads_to_the_page(visitor, stored, stage):
    path = stored(**stored_as(stage))
    answer = visitor.get(f"{path}/continue")
    assert (answer.status, answer.response.headers["Location"]) == (303, path)
    assert not visitor.get(path).all("a", href=f"{path}/continue")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/session",
        "https://verify.example.com.evil.example/session",
        "https://verify.example.com@evil.example/session",
        "http://verify.example.com/session",
        "//verify.example.com/session",
        "javascript:alert(1)",
        "https://verify.example.com\\@evil.example/",
        "https://verify.example.com/\r\nSet-Cookie: a=b",
    ],
)
def test_no_browser_is_sent_to_an_odd_address(visitor, stored, url):
    path = stored(validation=adopted(session_url=url, opened_at=NOW))
    assert visitor.get(f"{path}/continue").response.headers["Location"] == path
    assert url not in visitor.get(path).html


@on_both_databases
def test_the_hosted_page_counts_as_opened_once(visitor, stored):
    path = stored(**stored_as(Stage.READY))
    assert visitor.get(path).stage == Stage.READY
    visitor.get(f"{path}/continue")
    assert visitor.get(path).stage == Stage.WAITING
    assert visitor.get(f"{path}/continue").response.headers["Location"] == SESSION_URL


def test_the_hosted_page_is_never_in_the_page(visitor, stored):
    path = stored(**stored_as(Stage.READY))
    for page in (visitor.get(path), visitor.get(f"{path}/status", headers={"Accept": "application/json"})):
        assert SESSION_URL not in page.html and "of-the-tests" not in page.html


def test_a_refused_hosted_page_is_a_delay(visitor, stored):
    path = stored(validation=adopted(session_url=None), stall_reason=StallReason.HOSTED_PAGE_REFUSED)
    assert visitor.get(path).stage == Stage.DELAYED


@pytest.mark.asvs("7.3.1", "14.2.1", "15.3.1")
def test_no_page_shows_who_it_is_about(visitor, stored):
    path = stored(validation=a_validation())
    for address in (path, f"{path}/status"):
        page = visitor.get(address).html
        assert not any(word in page for word in ("30111222", "Núñez", "ana@example.com"))
