"""Who may hold a page in a frame, who may read its status, and the script that makes the frame."""

import gzip
import json

import pytest

from portal.app import create_app
from portal.domain.capture_modes import Capture
from portal.domain.stage import Stage
from portal.partners.registry import Partner, new_signing_secret
from tests.documents import ROOT
from tests.factories import NOW
from tests.web.stages import SHOWN, adopted, stored_as

ORIGINS = ("https://shop.example", "https://www.shop.example")
SESSION = "session-of-sixteen-or-more"
JSON = {"Accept": "application/json"}
BLOCKED = "&camera=none"

FULL_SCRIPT_BYTES = 3072
EMBED = ROOT / "static" / "embed"


def a_partner(slug, **changes):
    return Partner(
        slug=slug,
        prefix_external_ids=True,
        **{"name": slug, "origins": ORIGINS, "signing_secrets": (new_signing_secret(),)} | changes,
    )


PARTNERS = [
    a_partner("shop"),
    a_partner("bank", origins=("https://bank.example",), capture="frame"),
    a_partner("off", enabled=False),
    a_partner("frameless", origins=()),
]


@pytest.fixture
def config(config, tmp_path):
    path = tmp_path / "partners.toml"
    path.write_text("\n".join(map(stanza, PARTNERS)))
    return config.model_copy(update={"partners_file": path})


def stanza(partner):
    told = partner.model_dump(exclude_none=True, exclude_defaults=True, mode="json")
    return f"[partners.{partner.slug}]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in told.items())


def ancestors(answer):
    policy = answer.headers["Content-Security-Policy"]
    return next(it.removeprefix("frame-ancestors ") for it in policy.split("; ") if it.startswith("frame-ancestors "))


def of(partner, stage=Stage.WAITING, **changes):
    return stored_as(stage) | {"partner": partner, "external_id": f"customer of {partner}"} | changes


@pytest.mark.asvs("3.4.6")
@pytest.mark.parametrize("stage", Stage)
def test_partner_alone_may_hold_its_customers_pages(ask, stored, stage):
    answer = ask("GET", stored(**of("shop", stage)))
    assert ancestors(answer) == " ".join(ORIGINS)
    assert "X-Frame-Options" not in answer.headers
    assert "camera=(self), microphone=()" in answer.headers["Permissions-Policy"]
    assert f'<meta name="embedders" content="{" ".join(ORIGINS)}">' in answer.text
    assert '<meta name="providers" content="https://verify.example.com">' in answer.text


@pytest.mark.asvs("3.4.6")
@pytest.mark.parametrize("partner", [None, "off", "frameless", "gone"])
@pytest.mark.parametrize("stage", Stage)
def test_nobody_else_may_hold_any(ask, stored, stage, partner):
    answer = ask("GET", stored(**of(partner, stage)))
    assert (ancestors(answer), answer.headers["X-Frame-Options"]) == ("'none'", "DENY")
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "embedders" not in answer.text


@pytest.mark.parametrize("path", ["/", "/return", "/nothing", "/o/nothing", "/static/portal.css", "/healthz"])
def test_what_is_no_customers_stands_alone(ask, path):
    answer = ask("GET", path)
    assert (ancestors(answer), answer.headers["X-Frame-Options"]) == ("'none'", "DENY")


def test_old_link_of_a_partner_stands_alone(ask, stored, clock):
    path = stored(**of("shop"))
    clock.advance(days=31)
    answer = ask("GET", path)
    assert (answer.status_code, ancestors(answer)) == (410, "'none'")


def test_faults_of_a_customers_page_are_seen_in_the_frame(ask, stored):
    answer = ask("POST", stored(**of("shop")) + "/stop")
    assert (answer.status_code, ancestors(answer)) == (400, " ".join(ORIGINS))


def test_provider_in_a_frame_of_ours_adds_to_what_the_partner_may(ask, stored):
    answer = ask("GET", stored(**of("bank", Stage.READY)))
    assert ancestors(answer) == "https://bank.example"
    assert "frame-src 'self' https://verify.example.com:*" in answer.headers["Content-Security-Policy"]
    assert 'camera=(self "https://verify.example.com")' in answer.headers["Permissions-Policy"]


def test_coming_back_inside_both_frames_is_shown(ask, stored):
    stored(**of("bank", validation=adopted(session_id=SESSION, opened_at=NOW)))
    answer = ask("GET", f"/return?verificationSessionId={SESSION}", headers={"Sec-Fetch-Dest": "iframe"})
    assert (answer.status_code, ancestors(answer)) == (200, "https://bank.example 'self'")
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.asvs("3.4.2")
@pytest.mark.parametrize("origin", [*ORIGINS, "https://bank.example", "https://shop.example.evil", "null", None])
def test_partners_pages_alone_read_the_status(ask, stored, origin):
    answer = ask("GET", stored(**of("shop")) + "/status", headers=JSON | ({"Origin": origin} if origin else {}))
    assert answer.json["stage"] == Stage.WAITING
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if origin in ORIGINS else None)
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.asvs("3.4.2")
@pytest.mark.parametrize("partner", [None, "frameless"])
def test_nobody_reads_the_status_of_others(ask, stored, partner):
    answer = ask("GET", stored(**of(partner)) + "/status", headers=JSON | {"Origin": ORIGINS[0]})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" not in answer.headers.get("Vary", "")


def test_partner_that_is_off_reads_that_and_nothing_more(ask, stored):
    answer = ask("GET", stored(**of("off")) + "/status", headers=JSON | {"Origin": ORIGINS[0]})
    assert (answer.status_code, set(answer.json)) == (410, {"type", "title", "status", "detail", "code"})


def test_pages_are_read_by_nobody(ask, stored):
    for path in ("", "/status", "/qr.svg"):
        answer = ask("GET", stored(**of("shop", external_id=path)) + path, headers={"Origin": ORIGINS[0]})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_everybody_reads_why_there_is_no_status(ask, stored, clock):
    path = stored(**of("shop"))
    clock.advance(days=31)
    for link, status in ((path, 410), ("/o/nothing", 404)):
        answer = ask("GET", f"{link}/status", headers=JSON | {"Origin": "https://any.example"})
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("capture", Capture)
@pytest.mark.parametrize("stage", SHOWN)
def test_without_a_camera_in_the_frame_the_hosted_page_opens_in_a_tab(visitor, stored, stage, capture):
    path = stored(**of("shop", stage, capture=capture))
    known = visitor.get(path).one("section", id="status").get("hx-get", f"{path}/status?part=status")
    page = visitor.get(known + BLOCKED)
    assert page.leads_to is None
    assert not page.all("template") and not page.all("iframe")
    assert all(it["target"] == "_blank" for it in page.all("a", href=f"{path}/continue"))


def test_blocked_camera_is_said_once_and_then_nothing_new(visitor, stored):
    path = stored(**of("shop", Stage.READY))
    page = visitor.get(f"{path}/status?part=status{BLOCKED}")
    usual = visitor.get(f"{path}/status?v=0&part=status&pointer=fine")
    assert len(page.all("h2")) == len(usual.all("h2")) + 1
    assert visitor.get(page.one("section", id="status")["hx-get"] + BLOCKED).status == 204


def test_script_is_small_and_says_how_long_it_holds(ask):
    answer = ask("GET", "/embed.js", headers={"Accept-Encoding": "gzip"})
    assert (answer.mimetype, answer.headers["Content-Encoding"]) == ("text/javascript", "gzip")
    assert len(answer.data) <= FULL_SCRIPT_BYTES
    assert answer.headers["Cache-Control"] == "public, max-age=600"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = ask("GET", "/embed.js", headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_script_is_the_same_for_whoever_takes_no_gzip(ask):
    plain, small = ask("GET", "/embed.js"), ask("GET", "/embed.js", headers={"Accept-Encoding": "gzip"})
    assert plain.data == gzip.decompress(small.data)
    assert plain.headers["ETag"] != small.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize(
    ("hosts", "named"),
    [
        (("verify.didit.me", "verify.example.com"), "https://verify.didit.me https://verify.example.com"),
        ((".didit.me",), ""),
        (("127.0.0.1", "localhost"), ""),
        (("*",), ""),
    ],
)
def test_page_knows_which_origins_need_the_camera(config, hosts, named):
    app = create_app(config.model_copy(update={"gu1_provider_hosts": hosts}))
    assert app.jinja_env.globals["provider_origins"] == named


def test_each_version_stays_at_its_address(ask):
    found = {path.stem: path for path in EMBED.glob("*.js")}
    for version, path in found.items():
        answer = ask("GET", f"/embed-{version}.js")
        assert answer.data == path.read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    newest = max(found, key=lambda it: [*map(int, it.split("."))])
    assert ask("GET", "/embed.js").data == found[newest].read_bytes()
    assert ask("GET", "/embed-9.9.9.js").status_code == 404


def test_types_are_served_for_compilers(ask):
    answer = ask("GET", "/embed.d.ts")
    assert (answer.mimetype, answer.data) == ("application/typescript", (EMBED / "embed.d.ts").read_bytes())


def test_a_link_of_a_partner_that_is_off_is_told_from_one_that_ended(ask, stored, clock):
    path = stored(**of("off"))
    answer = ask("GET", f"{path}/status", headers=JSON | {"Origin": "https://any.example"})
    assert (answer.status_code, answer.json["code"]) == (410, "switched_off")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    clock.advance(days=31)
    assert ask("GET", f"{path}/status", headers=JSON).json["code"] == "gone"
