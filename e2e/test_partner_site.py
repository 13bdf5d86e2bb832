"""The sample partner with a fake portal: what it sends, and which results it accepts."""

from __future__ import annotations

import base64
import hmac
import json
import re
from urllib.parse import urlencode

import httpx
import pytest

from e2e.partner_site import policy
from e2e.partner_site.app import create_site
from e2e.partner_site.bank import Bank
from portal.partners.registry import new_signing_secret

PORTAL = "https://portal.example"
SECRETS = (new_signing_secret(), new_signing_secret())
NOW = 1_800_000_000


class FakePortal(httpx.MockTransport):
    def __init__(self):
        super().__init__(self.answer)
        self.wishes = []
        self.status = "in_progress"

    def answer(self, request):
        if request.method == "GET":
            name = request.url.path.rsplit("/", 1)[1]
            nothing = dict.fromkeys(("external_id", "stage", "reason", "identity_match", "attempts", "verified_at"))
            return httpx.Response(200, json={"id": name, "status": self.status} | nothing)
        self.wishes.append(json.loads(request.content) | {"key": request.headers["Idempotency-Key"]})
        name = f"o-{self.wishes[-1]['external_id']}"
        if self.wishes[-1].get("applicant", {}).get("document_number") == "wrong":
            return httpx.Response(422, json={"title": "Unprocessable", "detail": "document_number: is none"})
        return httpx.Response(201, json={"id": name, "url": f"{PORTAL}/o/{name}", "status": "pending"})


@pytest.fixture
def portal():
    return FakePortal()


@pytest.fixture
def bank(portal):
    client = httpx.Client(transport=portal, base_url=PORTAL)
    return Bank(url="https://shop.example", portal=client, signing_secrets=SECRETS, clock=lambda: NOW)


@pytest.fixture
def visitor(bank):
    headers = policy.headers(PORTAL, "https://provider.example")
    return create_site(bank, portal_url=PORTAL, headers=headers).test_client()


def goes_away(visitor, portal, **more):
    """Sends a customer to the portal; returns the query that the portal would send back, unsigned."""
    visitor.get("/redirect")
    wish = portal.wishes[-1]
    result = {"onboarding_id": f"o-{wish['external_id']}", "status": "approved", "state": wish["state"], "t": NOW}
    own_query = wish["return_url"].partition("?")[2]
    return f"{own_query}&{urlencode(result | more)}"


def signed(query, secret=SECRETS[0]):
    return f"{query}&signature={hmac.new(secret.encode(), query.encode(), 'sha256').hexdigest()}"


def notification(name="n1", sent_at=NOW, secret=SECRETS[0], status="approved"):
    body = json.dumps({"type": "onboarding.updated", "data": {"id": "o-1", "status": status}}).encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{name}.{sent_at}.".encode() + body, "sha256")
    signature = f"v1,bm9uZQ== v1,{base64.b64encode(digest).decode()}"
    return body, {"webhook-id": name, "webhook-timestamp": str(sent_at), "webhook-signature": signature}


def tells(visitor, body, headers):
    return visitor.post("/hooks", data=body, headers=headers, content_type="application/json").status_code


def test_the_frame_stands_on_a_page_that_allows_it(visitor, portal):
    page = visitor.get("/frame", follow_redirects=True)
    assert f'<kyc-onboarding src="{PORTAL}/o/o-{portal.wishes[0]["external_id"]}">' in page.text
    assert f"frame-src {PORTAL} https://provider.example;" in page.headers["Content-Security-Policy"]
    assert f'camera=(self "{PORTAL}" "https://provider.example")' in page.headers["Permissions-Policy"]


def test_a_reload_asks_for_the_same_onboarding(visitor, portal):
    where = visitor.get("/frame").headers["Location"]
    visitor.get(where)
    visitor.get(where)
    first, second = portal.wishes
    assert first == second


def test_the_redirect_leads_to_the_portal(visitor, portal):
    answer = visitor.get("/redirect")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{PORTAL}/o/")
    assert portal.wishes[0]["return_url"].startswith("https://shop.example/done")


@pytest.mark.parametrize(("lang", "locale"), [("es", "es-AR"), ("en", "en")])
def test_what_the_bank_knows_and_the_language_go_along(visitor, portal, lang, locale):
    known = {"country": "AR", "document_number": "30123456", "first_name": "Ana", "last_name": "Pérez"}
    sent = visitor.post(f"/customers?lang={lang}", data=known | {"email": "", "way": "redirect"})
    visitor.get(sent.headers["Location"])
    assert portal.wishes[0]["applicant"] == known
    assert portal.wishes[0]["locale"] == locale


def test_without_a_document_number_nothing_goes_along(visitor, portal):
    visitor.get(visitor.post("/customers", data={"country": "AR", "way": "frame"}).headers["Location"])
    assert "applicant" not in portal.wishes[0]


def test_how_the_capture_page_opens_can_be_chosen(visitor, portal):
    visitor.get("/frame?capture=new-tab", follow_redirects=True)
    visitor.get("/redirect")
    assert [wish.get("capture") for wish in portal.wishes] == ["new-tab", None]


def test_what_the_portal_refuses_is_shown(visitor):
    sent = visitor.post("/customers", data={"document_number": "wrong", "way": "frame"})
    page = visitor.get(sent.headers["Location"])
    assert page.status_code == 502
    assert "document_number: is none" in page.text


@pytest.mark.parametrize("secret", SECRETS, ids=["first", "second"])
def test_a_result_with_any_of_the_secrets_leads_to_the_truth(visitor, portal, secret):
    query = goes_away(visitor, portal)
    portal.status = "rejected"
    answer = visitor.get(f"/done?{signed(query, secret)}", follow_redirects=True)
    assert 'data-status="rejected"' in answer.text


def test_a_result_is_good_once(visitor, portal):
    query = signed(goes_away(visitor, portal))
    assert visitor.get(f"/done?{query}").status_code == 303
    again = visitor.get(f"/done?{query}")
    assert again.status_code == 400
    assert "used before" in again.text


@pytest.mark.parametrize("change", [{"t": NOW - 301}, {"t": NOW + 301}, {"state": "other"}, {"onboarding_id": "o-2"}])
def test_a_result_that_is_old_or_of_another_is_refused(visitor, portal, change):
    assert visitor.get(f"/done?{signed(goes_away(visitor, portal, **change))}").status_code == 400


@pytest.mark.parametrize("change", [("approved", "rejected"), ("lang=es", "lang=en"), ("signature=", "signature=0")])
def test_a_result_that_was_changed_is_refused(visitor, portal, change):
    query = signed(goes_away(visitor, portal))
    assert visitor.get(f"/done?{query.replace(*change)}").status_code == 400
    assert visitor.get(f"/done?{query}").status_code == 303


def test_a_result_without_a_state_is_refused(visitor, portal):
    query = re.sub("&state=[^&]*", "", goes_away(visitor, portal))
    assert visitor.get(f"/done?{signed(query)}").status_code == 400


def test_nonsense_is_no_result(visitor):
    for query in ("", "signature=", "state=&t=x&signature=é", "status=approved"):
        assert visitor.get(f"/done?{query}").status_code == 400, query


@pytest.mark.parametrize("secret", SECRETS, ids=["first", "second"])
def test_a_notification_is_heard_once(visitor, bank, secret):
    told = notification(secret=secret)
    assert [tells(visitor, *told), tells(visitor, *told)] == [204, 204]
    assert [words for _, words in bank.log] == ["o-1 approved"]
    assert "o-1 approved" in visitor.get("/log").text


@pytest.mark.parametrize("change", [{"sent_at": NOW - 301}, {"secret": new_signing_secret()}])
def test_a_notification_that_is_old_or_a_strangers_is_refused(visitor, change):
    assert tells(visitor, *notification(**change)) == 401


def test_a_notification_that_was_changed_is_refused(visitor):
    body, headers = notification()
    assert tells(visitor, body.replace(b"approved", b"rejected"), headers) == 401
    assert tells(visitor, body, headers | {"webhook-id": "n2"}) == 401
    assert tells(visitor, body, {}) == 401


@pytest.mark.parametrize("page", ["/", "/frame"])
def test_every_page_has_the_other_language(visitor, page):
    spanish = visitor.get(page, follow_redirects=True)
    (link,) = re.findall(r'href="(\?[^"]*lang=en)"', spanish.text)
    english = visitor.get(spanish.request.path + link.replace("&amp;", "&"))
    assert '<html lang="en">' in english.text
    assert '<html lang="es-AR">' in spanish.text
