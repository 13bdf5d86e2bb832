import gzip
from pathlib import Path

import brotli
import pytest
from flask import Flask

from portal.build import build
from portal.domain.stage import Stage
from portal.web.static_text import StaticText
from tests.web.stages import stored_as

ROOT = Path(__file__).parent.parent.parent
GZIP = {"Accept-Encoding": "gzip, deflate"}
BROTLI = {"Accept-Encoding": "gzip, deflate, br, zstd"}


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


def test_files_come_with_brotli_where_it_is_understood(ask, visitor):
    for address in (script(visitor), "/embed.js"):
        plain, gzipped, small = (ask("GET", address, headers=headers) for headers in ({}, GZIP, BROTLI))
        assert small.headers["Content-Encoding"] == "br"
        assert brotli.decompress(small.data) == plain.data
        assert len(small.data) < len(gzipped.data) < len(plain.data)
        assert len({it.headers["ETag"] for it in (plain, gzipped, small)}) == 3


def test_file_that_changed_after_the_build_comes_as_it_is_now(tmp_path):
    path = tmp_path / "static" / "some.js"
    path.parent.mkdir()
    path.write_text("before();" * 99)
    build(tmp_path)
    assert sent(path).content_encoding == "br"
    path.write_text("after();" * 99)
    assert gzip.decompress(sent(path).data) == path.read_bytes()
    build(tmp_path)
    assert brotli.decompress(sent(path).data) == path.read_bytes()
    assert len(list(path.parent.glob("*.br"))) == 1


def sent(path):
    with Flask(__name__).test_request_context(headers=BROTLI):
        return StaticText(path, path.read_bytes()).response()


@pytest.mark.parametrize("accepted", [None, "", "identity", "zstd", "gzip;q=0", "gzip;q=x", "br;q=0", ";,;"])
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
