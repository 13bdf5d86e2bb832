import gzip
from pathlib import Path

import pytest

from portal.domain.stage import Stage
from tests.web.stages import stored_as

ROOT = Path(__file__).parent.parent.parent
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def script(visitor):
    return next(it["src"] for it in visitor.get("/").all("script") if "src" in it)


def test_pages_come_compressed(ask, stored):
    path = stored(**stored_as(Stage.APPROVED))
    plain, small = ask("GET", path), ask("GET", path, headers=GZIP)
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert int(small.headers["Content-Length"]) == len(small.data) < len(plain.data) / 2


def test_files_come_compressed(ask, visitor):
    plain, small = ask("GET", script(visitor)), ask("GET", script(visitor), headers=GZIP)
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert small.mimetype == plain.mimetype == "text/javascript"


@pytest.mark.parametrize("headers", [{}, GZIP], ids=["plain", "compressed"])
def test_scripts_come_without_comments(ask, visitor, headers):
    own = next(it["src"] for it in visitor.get("/").all("script") if "portal.js" in it.get("src", ""))
    answer = ask("GET", own, headers=headers)
    sent = (gzip.decompress(answer.data) if headers else answer.data).decode()
    kept = [line.strip() for line in (ROOT / "static" / "portal.js").read_text().splitlines()]
    assert sent.splitlines() == [line for line in kept if line and not line.startswith("//")]


@pytest.mark.parametrize("accepted", [None, "", "identity", "br", "gzip;q=0", "gzip;q=x", ";,;"])
@pytest.mark.parametrize("kind", ["page", "file"])
def test_others_get_what_they_can_read(ask, visitor, kind, accepted):
    address = "/" if kind == "page" else script(visitor)
    response = ask("GET", address, headers={} if accepted is None else {"Accept-Encoding": accepted})
    assert "Content-Encoding" not in response.headers
    assert not response.data.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("headers", [{}, GZIP], ids=["plain", "compressed"])
def test_caches_keep_both_apart(ask, visitor, headers):
    for address in ("/", script(visitor)):
        assert ask("GET", address, headers=headers).headers["Vary"] == "Accept-Encoding"


def test_both_forms_of_a_file_have_names_of_their_own(ask, visitor):
    plain, small = (ask("GET", script(visitor), headers=headers).headers["ETag"] for headers in ({}, GZIP))
    assert plain != small
    assert ask("GET", script(visitor), headers=GZIP | {"If-None-Match": small}).status_code == 304


def test_short_answers_are_left_alone(ask):
    assert "Content-Encoding" not in ask("GET", "/healthz", headers=GZIP).headers


def test_what_is_only_asked_about_has_no_body(ask):
    assert ask("HEAD", "/", headers=GZIP).data == b""
