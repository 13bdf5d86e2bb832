from base64 import b64encode
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from portal.app import create_app
from portal.config import Config
from portal.domain.errors import StoreUnavailable
from portal.domain.stage import Stage
from portal.web.flask_app import make_flask
from tests.page import APPLICANT, NAVIGATES
from tests.partners import KEYS, partners_file
from tests.web.stages import stored_as

PAGE = (
    "default-src 'none'; script-src 'self' 'sha256-{script}'; style-src 'self' 'sha256-{style}'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)
DATA = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
EXCEPTIONS = {
    "partner's page": {
        "Content-Security-Policy": PAGE.replace("frame-ancestors 'none'", "frame-ancestors https://shop.example"),
        "Permissions-Policy": HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)"),
        "X-Frame-Options": None,
    },
    "logo": {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    },
    "embed script": {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "public, max-age=600",
        "Cross-Origin-Resource-Policy": "cross-origin",
    },
}
EXCEPTIONS["embed types"] = EXCEPTIONS["embed script"]
EXCEPTIONS["pinned embed script"] = EXCEPTIONS["embed script"] | {
    "Cache-Control": "public, max-age=31536000, immutable"
}
"""What other sites need of us."""
OF_THE_ANSWER_ITSELF = {
    "X-Request-Id",
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Date",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Vary",
    "WWW-Authenticate",
}

KEY = {"Authorization": f"Bearer {KEYS['shop']}"}
ANSWERS = {
    "form": ("GET", "/", {}, 200),
    "head": ("HEAD", "/", {}, 200),
    "options": ("OPTIONS", "/", {}, 200),
    "privacy": ("GET", "/privacy", {}, 200),
    "accessibility": ("GET", "/accessibility", {}, 200),
    "no start page": ("GET", "/s/none", {}, 404),
    "no start": ("POST", "/s/none", {}, 404),
    "guessed code": ("GET", "/Q/NONE", {}, 410),
    "guessed code of an older browser": ("POST", "/Q/NONE", {}, 410),
    "no mail": ("GET", "/mails/none/stop", {}, 404),
    "no mail stopped": ("POST", "/mails/none/stop", {}, 404),
    "form fragment": ("GET", "/?part=document&country=BR", {}, 200),
    "status page": ("GET", "{waiting}", {}, 200),
    "status fragment": ("GET", "{waiting}/status", {}, 200),
    "status as JSON": ("GET", "{waiting}/status", {"headers": {"Accept": "application/json"}}, 200),
    "nothing new": ("GET", "{unchanged}", {}, 204),
    "on to the hosted page": ("GET", "{ready}/status?part=status", {}, 200),
    "photos done": ("POST", "{ready}/photos-done", {}, 400),
    "button for an older browser": ("POST", "{ready}/continue", {}, 400),
    "hosted page": ("GET", "{ready}/continue", {"headers": NAVIGATES}, 303),
    "code": ("GET", "{waiting}/qr.svg", {}, 200),
    "redirect after POST": ("POST", "{waiting}", {}, 303),
    "came back": ("GET", "/return", {}, 200),
    "other slashes": ("GET", "/o//x", {}, 404),
    "wrong form": ("POST", "/", {}, 400),
    "stale button": ("POST", "{waiting}/stop", {}, 400),
    "foreign host": ("GET", "/", {"headers": {"Host": "example.com"}}, 400),
    "cross-site": ("POST", "/", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    "no such page": ("GET", "/nothing", {}, 404),
    "no such link": ("GET", "/o/nothing", {}, 404),
    "no such file": ("GET", "/static/nothing.css", {}, 404),
    "unhashed file": ("GET", "/static/portal.css", {}, 200),
    "wrong method": ("GET", "{waiting}/retry", {}, 405),
    "old link": ("GET", "{expired}", {}, 410),
    "too large": ("POST", "/", {"data": {"first_name": "A" * 17_000}}, 413),
    "broken": ("GET", "/broken", {}, 500),
    "store down": ("GET", "/down", {}, 503),
    "webhook": ("POST", "/webhooks/gu1", {"data": b"{}"}, 401),
    "webhook by GET": ("GET", "/webhooks/gu1", {}, 405),
    "webhook too large": ("POST", "/webhooks/gu1", {"data": b" " * (1024 * 1024 + 1)}, 413),
    "alive": ("GET", "/healthz", {}, 200),
    "ready": ("GET", "/readyz", {}, 200),
    "metrics": ("GET", "/metrics", {}, 200),
    "no way back": ("GET", "{waiting}/back", {}, 303),
    "retry": ("POST", "{waiting}/retry", {}, 400),
    "erasure": ("GET", "{waiting}/erasure", {}, 200),
    "erasure not asked for": ("POST", "{waiting}/erasure", {}, 400),
    "nothing to correct": ("GET", "{waiting}/number", {}, 303),
    "nothing corrected": ("POST", "{waiting}/number", {}, 303),
    "no logo": ("GET", "/logo/none", {}, 404),
    "logo": ("GET", "{logo}", {}, 200),
    "partner's page": ("GET", "{framed}", {}, 200),
    "embed script": ("GET", "/embed.js", {}, 200),
    "no embed script": ("GET", "/embed-0.js", {}, 404),
    "embed types": ("GET", "/embed.d.ts", {}, 200),
    "pinned embed script": ("GET", "/embed-1.0.0.js", {}, 200),
    "created": ("POST", "/api/v1/onboardings", {"headers": KEY, "json": {"external_id": "c-7"}}, 201),
    "read": ("GET", "/api/v1/onboardings/{id}", {"headers": KEY}, 200),
    "problem": ("GET", "/api/v1/problems/not_found", {}, 200),
    "listed": ("GET", "/api/v1/onboardings", {"headers": KEY}, 200),
    "changed": ("PATCH", "/api/v1/onboardings/{id}", {"headers": KEY, "json": {}}, 200),
    "not sent again": ("POST", "/api/v1/onboardings/{id}/events/evt_x/resend", {"headers": KEY}, 404),
    "test not sent": ("POST", "/api/v1/test-event", {"headers": KEY, "data": b"x"}, 415),
    "link replaced": ("POST", "/api/v1/onboardings/{id}/link", {"headers": KEY}, 200),
    "cancelled": ("POST", "/api/v1/onboardings/{id}/cancel", {"headers": KEY}, 200),
    "history": ("GET", "/api/v1/onboardings/{id}/events", {"headers": KEY}, 200),
    "erased": ("DELETE", "/api/v1/onboardings/{id}", {"headers": KEY}, 200),
    "without a key": ("GET", "/api/v1/onboardings/{id}", {}, 401),
    "not JSON": ("POST", "/api/v1/onboardings", {"headers": KEY, "data": b"{"}, 415),
    "description": ("GET", "/api/v1/openapi.json", {}, 200),
}


def fail(error):
    raise error


@pytest.fixture(scope="module")
def pages_for():
    """With two pages that fail."""
    made = []

    def pages_for(config):
        if not made:
            made.append(make_flask(config))
            made[0].add_url_rule("/broken", "broken", lambda: fail(KeyError("secret")))
            made[0].add_url_rule("/down", "down", lambda: fail(StoreUnavailable()))
        return made[0]

    return pages_for


@pytest.fixture
def config(config, tmp_path):
    (tmp_path / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    framed = 'logo = "logo.svg"\norigins = ["https://shop.example"]'
    return config.model_copy(update={"partners_file": partners_file(tmp_path, shop=framed)})


@pytest.fixture
def places(app, stored, visitor, clock, create):
    """Addresses of every kind."""
    waiting, ready = stored(**stored_as(Stage.WAITING)), stored(**stored_as(Stage.READY))
    old = stored(created_at=clock.now.replace(year=2025), **stored_as(Stage.WAITING))
    unchanged = visitor.get(waiting).one("section", id="status")["hx-get"]
    made, shop = create("c-1").json, app.extensions["portal"].partners.logos["shop"]
    theirs = {"id": made["id"], "framed": urlsplit(made["url"]).path, "logo": f"/logo/shop?v={shop.version}"}
    return theirs | {"waiting": waiting, "ready": ready, "expired": old, "unchanged": unchanged}


@pytest.fixture
def expected(visitor):
    """By kind of answer; with the hashes of the inline style and the inline script that our pages have."""
    html = visitor.get("/").html
    inlined = {tag: html.split(f"<{tag}>")[1].split(f"</{tag}>")[0] for tag in ("style", "script")}
    digests = {tag: b64encode(sha256(text.encode()).digest()).decode() for tag, text in inlined.items()}

    def expected(mimetype, **exceptions):
        policy = PAGE if mimetype == "text/html" else DATA
        headers = HEADERS | {"Content-Security-Policy": policy} | exceptions
        return {name: value.format(**digests) for name, value in headers.items() if value is not None}

    return expected


@pytest.mark.asvs("3.2.1", "3.4.2", "3.4.3", "3.4.4", "3.4.5", "3.7.1", "4.1.1", "14.3.2")
def test_every_answer_carries_exactly_the_headers_of_its_kind(app, ask, places, expected):
    asked = set()
    for kind, (method, path, options, status) in ANSWERS.items():
        with app.test_request_context(path.format(**places), method=method, base_url="http://127.0.0.1:8000") as asking:
            asked.add(asking.request.endpoint)
        response = ask(method, path.format(**places), **options)
        assert response.status_code == status, kind
        headers = {name: value for name, value in response.headers if name not in OF_THE_ANSWER_ITSELF}
        assert headers == expected(response.mimetype, **EXCEPTIONS.get(kind, {})), kind
        assert response.mimetype or not response.data, kind
        assert response.mimetype_params.get("charset") == "utf-8" or not response.mimetype.startswith("text/"), kind
    assert {rule.endpoint for rule in app.url_map.iter_rules()} - asked == set()


@pytest.mark.asvs("14.3.2")
@pytest.mark.parametrize("etag", [None, "*"])
def test_hashed_files_alone_may_be_kept(ask, visitor, expected, etag):
    address = visitor.get("/").one("link", rel="icon")["href"]
    response = ask("GET", address, headers={"If-None-Match": etag} if etag else {})
    kept = {name: value for name, value in response.headers if name not in OF_THE_ANSWER_ITSELF}
    assert response.status_code == (304 if etag else 200)
    exception = {"Cache-Control": "public, max-age=31536000, immutable"}
    assert kept == expected(response.mimetype, **exception)


@pytest.mark.asvs("3.4.3")
@pytest.mark.asvs("13.4.4")
def test_trace_is_refused(ask, places):
    assert {ask("TRACE", path).status_code for path in ("/", places["waiting"], "/healthz")} == {405}


def test_no_policy_allows_unsafe_sources():
    assert "unsafe" not in PAGE + DATA


@pytest.mark.asvs("3.4.1", "12.2.1")
@pytest.mark.parametrize(
    ("scheme", "subdomains", "expected"),
    [
        ("https", False, "max-age=31536000"),
        ("https", True, "max-age=31536000; includeSubDomains"),
        ("http", True, None),
    ],
)
def test_https_is_remembered_where_it_is_spoken(config, app, scheme, subdomains, expected):
    changes = {"base_url": f"{scheme}://localhost", "hsts_subdomains": subdomains}
    secure = create_app(config.model_copy(update=changes))
    response = secure.test_client().get("/healthz", base_url=f"{scheme}://localhost")
    assert response.headers.get("Strict-Transport-Security") == expected


OTHER_HOSTS = [
    "example.com",
    "localhost",
    "127.0.0.1.example.com",
    "example.com:8000",
    "127.0.0.1@example.com",
    "127.0.0.1:8000@example.com",
    "127.0.0.1:8000, example.com",
    "127.0.0.1:8000/example.com",
    "127.0.0.1:99999",
    "127.0.0.1:",
    "127.0.0.1 8000",
    "[::1",
    "[::1]:8000",
    "ñandú",
    "'\"><script>",
    "",
]


def test_other_hosts_are_refused(ask):
    for host in OTHER_HOSTS:
        response = ask("GET", "/", headers={"Host": host})
        assert response.status_code == 400, host
        assert "example.com" not in response.text, host
        assert "'\"><script>" not in response.text, host


@pytest.mark.parametrize(
    ("written", "host", "origin"),
    [
        ("https://señal.example", "xn--seal-hqa.example", "https://xn--seal-hqa.example"),
        ("http://[::1]:8000", "[::1]:8000", "http://[::1]:8000"),
        ("https://[2001:DB8::0:1]", "[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_any_host_that_the_settings_take_can_send_forms(config, written, host, origin):
    values = config.model_dump(by_alias=False) | {"base_url": written}
    client = create_app(Config(**values)).test_client()
    there = {"Host": host, "Origin": origin}
    assert client.get("/", headers=there).status_code == 200
    # The form comes back, because nothing was filled in.
    assert client.post("/", headers=there).status_code == 400
    assert client.post("/", headers=there | {"Origin": "https://seal.example"}).status_code == 403
    assert client.get("/", headers={"Host": "[::2]"}).status_code == 400


def test_forwarded_hosts_are_not_believed_unasked(ask):
    assert ask("GET", "/", headers={"X-Forwarded-Host": "example.com"}).status_code == 200
    assert ask("GET", "/", headers={"Host": "example.com", "X-Forwarded-Host": "127.0.0.1:8000"}).status_code == 400


def test_a_trusted_proxy_names_the_host(config, app):
    behind = create_app(config.model_copy(update={"trusted_proxies": 1})).test_client()
    forwarded = {"Host": "inside", "X-Forwarded-Host": "127.0.0.1:8000"}
    assert behind.get("/", headers=forwarded).status_code == 200
    assert behind.get("/", headers=forwarded | {"X-Forwarded-Host": "example.com"}).status_code == 400


CROSS_SITE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something-new"},
    {"Origin": "null"},
    {"Origin": "http://example.com"},
    {"Origin": "https://127.0.0.1:8000"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:9000"},
    {"Origin": "http://127.0.0.1:8000.example.com"},
    {"Origin": "http://127.0.0.1:8000 http://example.com"},
    {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.asvs("3.5.1")
def test_forms_from_other_sites_do_nothing(visitor, count):
    fields = visitor.get("/").fields | APPLICANT
    for headers in CROSS_SITE:
        assert visitor.post("/", fields, headers=headers).status == 403, headers
        assert count() == 0, headers


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("action", ["", "/retry", "/stop"])
def test_no_button_works_from_another_site(visitor, stored, action):
    path = stored(**stored_as(Stage.REJECTED))
    fields = visitor.get(path).fields
    before = visitor.get(path).stage
    assert visitor.post(path + action, fields, headers={"Origin": "http://example.com"}).status == 403
    assert visitor.get(path).stage == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "HTTP://127.0.0.1:8000"},
        # What a proxy's own Referrer-Policy makes of our forms.
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_forms_from_our_own_pages_are_taken(visitor, headers):
    fields = visitor.get("/").fields | APPLICANT
    assert visitor.post("/", fields, headers=headers).status == 303


@pytest.mark.parametrize("base_url", ["https://Portal.Example.com", "https://portal.example.com:443"])
def test_origins_are_compared_as_browsers_write_them(config, app, base_url):
    written = Config.model_validate(config.model_dump() | {"base_url": base_url})
    client = create_app(written).test_client()
    home, origin = "https://portal.example.com", {"Origin": "https://portal.example.com"}
    assert client.post("/", base_url=home, headers=origin).status_code == 400
    assert client.post("/", base_url=home, headers={"Origin": "https://example.com"}).status_code == 403


def test_webhooks_need_no_page_of_ours(ask):
    assert ask("POST", "/webhooks/gu1", data=b"{}", headers={"Origin": "null"}).status_code == 401
