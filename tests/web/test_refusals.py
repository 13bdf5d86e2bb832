import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from portal.logs import JsonLines
from portal.metrics import Metrics
from portal.web.last_resort import LastResort
from portal.web.refusals import Refusal, Refusals
from tests.page import APPLICANT
from tests.partners import KEYS, partners_file
from tests.web.conftest import ONBOARDINGS


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def refusals():
    """Told the seconds by a list."""
    now = [1000.0]
    made = Refusals(Metrics(), lambda: now[0])
    return made, now


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


@pytest.mark.asvs("16.3.2")
def test_flood_is_one_line_a_minute_and_kind_with_its_count(refusals, caplog):
    made, now = refusals
    for second in range(150):
        now[0] = 1000.0 + second
        made.count(Refusal.BAD_LINK)
    made.count(Refusal.WRONG_KEY)
    said = "refused: {}, {} times since the last such line".format
    assert lines(caplog) == [said("bad_link", 1), said("bad_link", 60), said("bad_link", 60), said("wrong_key", 1)]


def test_threads_at_once_write_one_line(caplog):
    metrics = Metrics()
    made = Refusals(metrics, lambda: 1.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(made.count, [Refusal.CROSS_SITE] * 200))
    assert len(lines(caplog)) == 1
    assert 'portal_refusals_total{kind="cross_site"} 200.0' in metrics.page().decode()


CASES = {
    Refusal.BAD_LINK: ("GET", "/o/planted-token/status", {}),
    Refusal.BAD_FORM: ("POST", "/", {"data": APPLICANT | {"first_name": "Planted", "form_token": "planted"}}),
    Refusal.WRONG_KEY: ("GET", f"{ONBOARDINGS}/planted", {"headers": {"Authorization": "Bearer planted"}}),
    Refusal.CROSS_SITE: ("POST", "/", {"headers": {"Origin": "https://planted.example"}}),
    Refusal.FORGED_WEBHOOK: ("POST", "/webhooks/gu1", {"data": b'{"planted": 1}'}),
    Refusal.FOREIGN_HOST: ("GET", "/", {"headers": {"Host": "planted.example"}}),
    Refusal.TOO_LARGE: ("POST", "/", {"data": {"first_name": "planted" * 5000}}),
}


@pytest.mark.asvs("16.3.1", "16.3.2", "16.3.3")
def test_each_kind_is_counted_and_logged_without_what_was_sent(ask, caplog):
    # In test_start_limits.py, test_flood_guard.py, test_rsgi_adapter.py and test_connection_guard.py.
    elsewhere = {Refusal.TOO_MANY, Refusal.FLOOD, Refusal.SLOW_BODY, Refusal.MANY_CONNECTIONS}
    assert set(CASES) == set(Refusal) - elsewhere
    for method, path, options in CASES.values():
        ask(method, path, **options)
    page = ask("GET", "/metrics").text
    for kind in CASES:
        assert f'portal_refusals_total{{kind="{kind}"}} 1.0' in page
        assert f"refused: {kind}, 1 times since the last such line" in lines(caplog)
    assert "planted" not in caplog.text.lower()


def test_what_is_done_rightly_is_no_refusal(visitor, button, api, caplog):
    path = visitor.begin()
    visitor.post(f"{path}/stop", button(path))
    api("GET", f"{ONBOARDINGS}/none", key=KEYS["shop"])
    assert [line for line in lines(caplog) if line.startswith("refused")] == []


@pytest.mark.asvs("16.5.1")
def test_answer_that_cannot_be_written_is_a_plain_500_and_one_line_without_texts(caplog):
    def broken(_environ, _start_response):
        raise ValueError("planted")

    body, status, headers = run_wsgi_app(LastResort(broken), create_environ())
    assert (status[:3], b"planted" in b"".join(body)) == ("500", False)
    assert {"Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"} <= set(headers.keys())
    (record,) = caplog.records
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["exception"]) == ("an answer could not be written", "builtins.ValueError")
    assert "planted" not in json.dumps(line)


@pytest.mark.asvs("16.2.1")
def test_line_has_the_allowed_keys_and_of_others_traces_the_first_line_only():
    trace = "Application callable raised an exception\nTraceback (most recent call last):\n  ValueError: planted"
    extra = {"name": "_granian", "msg": trace, "levelname": "ERROR", "planted": "planted", "document_number": "planted"}
    line = json.loads(JsonLines().format(logging.makeLogRecord(extra)))
    assert set(line) == {"time", "level", "logger", "message"}
    assert line["message"] == "Application callable raised an exception"
