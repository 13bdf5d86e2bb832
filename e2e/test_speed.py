"""The bench of speed refuses what must not be reported, and its guard fails where it has to."""

from __future__ import annotations

import pytest

from e2e.bench.speed.generator import ANYTHING, Load, Right, WrongAnswers, generator, get
from e2e.bench.speed.smoke import judged
from e2e.bench.speed.tables import Table, write_into
from e2e.mock_gu1.server import serving


def answer(status, body=b""):
    return b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize(
    ("right", "data", "verdict"),
    [
        (Right(204), answer(204), ""),
        (Right(204), answer(303), "HTTP/1.1 303 Told"),
        (Right(200, (b"ok",)), answer(200, b"ok"), ""),
        (Right(200, (b"ok",)), answer(200, b"okay"), "200 with another body"),
        (Right(200, (b"ok",)), answer(200, b"ok")[:-1], None),
        (Right(200, (b"ok",)), answer(200, b"ok")[:20], None),
        (Right(200, (b"<a ", b">", b"</a>")), answer(200, b"<a href>x</a>"), ""),
        (Right(200, (b"<a ", b">", b"</a>")), answer(200, b"<a href</a>"), "200 with another body"),
        (Right(200, (b"aba", b"aba")), answer(200, b"aba"), "200 with another body"),
        (Right(303, ANYTHING), answer(303, b"whatever"), ""),
    ],
)
def test_answer_is_right_only_as_a_whole(right, data, verdict):
    assert right.judge(data) == verdict


@pytest.fixture(scope="module")
def load():
    with generator() as made:
        yield made


def test_side_that_answers_with_something_else_is_refused(load):
    def redirecting(_environ, start_response):
        start_response("303 See Other", [("Content-Length", "0")])
        return [b""]

    with serving(redirecting) as server:
        polls, redirects = ([get(server.url, "/", Right(it))] for it in (204, 303))
        with pytest.raises(WrongAnswers, match=r"0 right answers, .* 303 See Other"):
            load.run_right(lambda: Load(server.url, polls, 2, 0.1), tries=1)
        burst = load.run_right(lambda: Load(server.url, redirects, 2, 0.2, rate=100.0))
    assert 5 < burst.good <= 21
    assert burst.percentile(0.5) > 0


def test_each_request_is_sent_once_if_none_repeats(load):
    seen = []

    def collecting(environ, start_response):
        seen.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with serving(collecting) as server:
        requests = [get(server.url, f"/{number}", Right(200, (b"ok",))) for number in range(20)]
        assert load.run(Load(server.url, requests, 3, 5.0, repeats=False)).good == 20
    assert sorted(seen) == sorted(f"/{number}" for number in range(20))


@pytest.mark.parametrize(("now", "verdict"), [(1.0, 0), (0.91, 0), (0.89, 1), (1.5, 0)])
def test_guard_fails_below_nine_tenths_of_what_was_recorded(now, verdict):
    assert judged("instructions", {"form": now}, {"form": 1.0}) == verdict


def test_nothing_recorded_fails_nobody():
    assert judged("instructions", {"form": 0.1}, {}) == 0


def test_table_replaces_the_one_of_the_document(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- start -->\nold\n<!-- /start -->\nafter\n<!-- machine -->\n<!-- /machine -->\n")
    table = Table("start", ("what", "seconds"), notes=["A note."])
    table.add("server", "0.9 s", seconds=0.9)
    write_into(document, [table], "2 cores")
    shown = "| what | seconds |\n| --- | --- |\n| server | 0.9 s |\n\nA note.\n"
    machine = "<!-- machine -->\n2 cores\n<!-- /machine -->\n"
    assert document.read_text() == f"before\n<!-- start -->\n{shown}<!-- /start -->\nafter\n{machine}"
