import json
import logging

import pytest

from portal.domain.stage import Stage
from portal.logs import JsonLines
from portal.web.flask_app import make_flask
from tests.databases import on_both_databases
from tests.page import Page
from tests.web.stages import stored_as


@pytest.fixture(scope="module")
def pages_for():
    """With two pages that fail."""
    made = []

    def pages_for(config):
        if not made:
            made.append(make_flask(config))
            made[0].add_url_rule("/broken", "broken", fail)
            made[0].add_url_rule("/api/broken", "broken_api", fail)
        return made[0]

    return pages_for


def fail():
    raise RuntimeError("María 30123456")


CASES = [
    ("GET", "/nothing", 404),
    ("GET", "/o/nothing", 404),
    ("GET", "/o", 404),
    ("GET", "/o/nothing/nothing", 404),
    ("GET", "/o/nothing/retry", 405),
    ("GET", "/o/nothing/stop", 405),
    ("POST", "/return", 405),
    ("POST", "/o/nothing/status", 405),
    ("PUT", "/", 405),
    ("DELETE", "/o/nothing", 405),
    ("POST", "/", 400),
    ("POST", "/o/nothing", 404),
    ("POST", "/o/nothing/retry", 404),
]


@pytest.mark.parametrize("language", ["es-AR", "es", "pt-BR", "en"])
def test_errors_are_pages_in_the_visitors_language(ask, language):
    for method, path, status in CASES:
        page, case = Page(ask(method, path, query_string={"lang": language})), f"{method} {path}"
        page.check()
        assert page.status == status, case
        assert page.one("html")["lang"] == language, case
        assert "Traceback" not in page.html, case


def test_a_wrong_method_is_told_the_right_ones(ask):
    assert ask("GET", "/o/x/retry").headers["Allow"] == "OPTIONS, POST"
    assert ask("GET", "/webhooks/gu1").headers["Allow"] == "OPTIONS, POST"


@pytest.mark.asvs("13.4.2", "16.5.1")
def test_a_fault_is_a_page_with_a_reference(visitor, caplog):
    page = visitor.get("/broken")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    reference = record.args[0]
    assert page.status == 500
    assert reference in page.html
    assert not any(word in page.html for word in ("RuntimeError", "María", "Traceback", "File"))


@pytest.mark.asvs("16.3.4")
def test_a_fault_is_logged_without_what_it_says(visitor, caplog):
    visitor.get("/broken")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = json.loads(JsonLines().format(record))
    assert line["exception"] == "builtins.RuntimeError"
    assert line["at"]
    assert "30123456" not in json.dumps(line, ensure_ascii=False)


def test_a_fault_of_a_json_door_is_a_problem(visitor):
    answer = visitor.get("/api/broken")
    assert answer.response.mimetype == "application/problem+json"
    assert (answer.status, answer.json["status"]) == (500, 500)
    assert not any(word in answer.html for word in ("RuntimeError", "María"))


@pytest.mark.parametrize("path", ["/webhooks/nothing", "/api/v1/nothing", "/webhooks/gu1"])
def test_json_doors_answer_errors_as_problems(visitor, path):
    answer = visitor.get(path)
    assert answer.response.mimetype == "application/problem+json"
    said = answer.json
    assert list(said) == ["code", "detail", "status", "title", "type"] and said["status"] == answer.status
    assert said["type"] == f"http://127.0.0.1:8000/api/v1/problems/{said['code']}"


@on_both_databases
def test_a_store_that_is_down_is_said_so(visitor, stored, reads_fail):
    path = stored(**stored_as(Stage.WAITING))
    mend = reads_fail()
    for address in (path, f"{path}/status", f"{path}/continue", "/return?verificationSessionId=session-of-sixteen"):
        page = visitor.get(address)
        assert page.status == 503
        assert page.response.headers["Retry-After"] == "5"
    assert visitor.get(path).one("a", href=path)
    mend()
    assert visitor.get(path).stage == Stage.WAITING


PRESSED = {"stop": (Stage.WAITING, Stage.CANCELLED), "retry": (Stage.EXPIRED, Stage.PREPARING)}


@on_both_databases
@pytest.mark.parametrize("pressed", PRESSED)
def test_a_button_that_came_to_nothing_is_to_be_pressed_again(visitor, stored, reads_fail, pressed):
    before, after = PRESSED[pressed]
    path = stored(**stored_as(before))
    fields = visitor.get(path).fields
    mend = reads_fail()
    page, looked_at = visitor.post(f"{path}/{pressed}", fields), visitor.get(path)
    assert (page.status, page.response.headers["Retry-After"]) == (503, "5")
    assert page.text("h1") != looked_at.text("h1")
    mend()
    assert visitor.get(page.one("a", href=path)["href"]).stage == before
    visitor.press(path, pressed)
    assert visitor.get(path).stage == after


def test_links_that_open_nothing_are_not_offered_again(visitor, stored, clock):
    path = stored(**stored_as(Stage.WAITING))
    clock.advance(days=31)
    assert not visitor.get(path).all("a", href=path)
    assert not visitor.get("/o/nothing").all("a", href="/o/nothing")


def test_head_answers_like_get_without_a_body(ask):
    for path, status in (("/", 200), ("/nothing", 404), ("/o/nothing", 404)):
        response = ask("HEAD", path)
        assert (response.status_code, response.data) == (status, b"")


@pytest.mark.asvs("1.2.1")
@pytest.mark.parametrize("token", ["a%0ab", "a%0d%0aSet-Cookie:%20x=1", "%ff", "a%0ab~"])
def test_page_that_polls_a_strange_link_is_sent_to_it_as_it_was_written(ask, token):
    answer = ask("GET", f"/o/{token}/status?part=status")
    led_to = Page(answer).leads_to
    assert (answer.status_code, led_to.isascii(), led_to.isprintable()) == (200, True, True)
    assert ask("GET", led_to).status_code == 404
