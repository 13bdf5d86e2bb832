import re
from hashlib import sha256

import pytest

YEAR = "public, max-age=31536000, immutable"


def assets_of(page):
    """Also those that the stylesheet names."""
    addresses = [found.get("src") or found.get("href") or "" for _, found in page.elements]
    in_styles = re.findall(r"url\(([^)]+)\)", page.html)
    return sorted({address for address in addresses + in_styles if address.startswith("/static/")})


def test_what_pages_load_is_there_and_kept_for_ever(visitor, ask):
    assets = assets_of(visitor.get("/"))
    assert len(assets) >= 15
    for address in assets:
        response = ask("GET", address)
        assert (response.status_code, response.headers["Cache-Control"]) == (200, YEAR)


def test_an_address_names_the_content(visitor, ask):
    for address in assets_of(visitor.get("/")):
        assert sha256(ask("GET", address).data).hexdigest().startswith(address.split("?")[1])


@pytest.mark.parametrize("query", ["", "?000000000000", "?v=1", "?%00", "?ñ"])
def test_under_another_address_nothing_is_kept(ask, query):
    response = ask("GET", f"/static/portal.css{query}")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.asvs("3.2.1", "4.1.1")
@pytest.mark.parametrize(("suffix", "kind"), [(".js", "text/javascript"), (".svg", "image/svg+xml")])
def test_files_say_what_they_are(visitor, ask, suffix, kind):
    addresses = [address for address in assets_of(visitor.get("/")) if address.split("?")[0].endswith(suffix)]
    assert {ask("GET", address).mimetype for address in addresses} == {kind}


def test_what_the_first_paint_needs_comes_with_the_page(visitor):
    page = visitor.get("/")
    assert "--accent:" in page.text("style")
    assert not page.all("link", rel="stylesheet")
    assert all("defer" in script for script in page.all("script") if "src" in script)


@pytest.mark.asvs("5.3.2", "13.2.5", "13.4.1", "13.4.3")
@pytest.mark.parametrize(
    "name",
    [
        "nothing.css",
        "",
        ".",
        "vendor",
        "vendor/",
        "../portal/app.py",
        "%2e%2e/portal/app.py",
        "..%2fportal/app.py",
        "..%5cportal%5capp.py",
        "vendor/../../portal/app.py",
        "%2fetc/passwd",
        "portal.css%00",
        "A" * 5000,
    ],
    ids=lambda it: it[:30],
)
def test_nothing_else_is_served(ask, name):
    response = ask("GET", f"/static/{name}", follow_redirects=True)
    assert response.status_code == 404
    assert "create_app" not in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_only_read(ask, method):
    assert ask(method, "/static/portal.css").status_code == 405
