"""`/s/<slug>`: a start without the partner's backend."""

import pytest

from portal.app import create_app
from tests.databases import on_both_databases
from tests.page import APPLICANT, Visitor
from tests.partners import KEYS, RETURN_URL, partners_file
from tests.web.conftest import HOME, ONBOARDINGS, token_in


@pytest.fixture
def config(config, tmp_path):
    on = "start_page = true"
    return config.model_copy(update={"partners_file": partners_file(tmp_path, shop=on, gone=on)})


def begun(visitor, path="/s/shop", **changes):
    """The access link."""
    sent = visitor.send_form(path, **changes)
    assert sent.status == 303, sent.status
    return sent.response.headers["Location"]


@on_both_databases
def test_whoever_starts_there_is_the_partners_customer(visitor, app, store, api):
    link = begun(visitor)
    found = store.get(app.extensions["portal"].access_links.onboarding_id(token_in(link)))
    assert (found.partner, found.external_id) == ("shop", f"start-{found.id}")
    assert (found.return_url, found.known_as, found.given_by_partner) == (RETURN_URL, None, False)
    read = api("GET", f"{ONBOARDINGS}/{found.id}").json
    assert (read["external_id"], read["stage"]) == (found.external_id, "preparing")
    assert api("GET", f"{ONBOARDINGS}/{found.id}", key=KEYS["bank"]).status_code == 404


def test_it_has_the_partners_look_and_language(visitor):
    page = visitor.get("/s/shop")
    assert "The shop" in page.html
    assert page.one("html")["lang"] == "pt-BR"
    assert visitor.get("/s/shop?lang=en").one("html")["lang"] == "en"


@pytest.mark.parametrize("slug", ["bank", "gone", "none", "SHOP"])
def test_where_it_is_not_switched_on_it_is_a_page_of_nobody(visitor, count, slug):
    before = visitor.get("/s/shop").fields
    assert visitor.get(f"/s/{slug}").response.data == visitor.get("/s/nobody").response.data
    assert visitor.post(f"/s/{slug}", before | APPLICANT).status == 404
    assert count() == 0


@pytest.mark.asvs("9.2.4")
def test_its_form_is_for_its_partner_alone(config, tmp_path, visitor):
    both = partners_file(tmp_path, shop="start_page = true", bank="start_page = true")
    visitor = Visitor(create_app(config.model_copy(update={"partners_file": both})))
    form = visitor.get("/s/shop").fields
    assert visitor.post("/s/bank", form | APPLICANT).status == 400
    assert visitor.post("/", form | APPLICANT).status == 400


def test_the_same_form_sent_twice_starts_one(visitor, count):
    form_token = visitor.get("/s/shop").fields["form_token"]
    assert begun(visitor, form_token=form_token) == begun(visitor, form_token=form_token)
    assert count() == 1


def test_it_works_without_a_direct_start(config):
    closed = Visitor(create_app(config.model_copy(update={"direct_start": False})))
    assert (closed.get("/").status, closed.get("/s/shop").status) == (404, 200)
    assert begun(closed)


def test_another_sites_form_starts_nothing(ask, count):
    assert ask("POST", "/s/shop", headers={"Sec-Fetch-Site": "cross-site"}, data=APPLICANT).status_code == 403
    assert count() == 0


@pytest.mark.asvs("2.3.2")
@on_both_databases
def test_starts_above_those_of_a_partners_day_are_refused_wherever_they_come_from(config, tmp_path, clock):
    limited = partners_file(tmp_path, shop="start_page = true\nstarts_per_day = 2")
    app = create_app(config.model_copy(update={"partners_file": limited}), clock=clock)
    visitor, client = Visitor(app), app.test_client()

    def created(external_id):
        sent = {"external_id": external_id}
        authorization = {"Authorization": f"Bearer {KEYS['shop']}"}
        return client.post(ONBOARDINGS, base_url=HOME, json=sent, headers=authorization)

    begun(visitor)
    assert [created("a").status_code, created("a").status_code] == [201, 200]
    refused = created("b")
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_requests")
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 86_400
    assert refused.headers["RateLimit"] == f'"starts";r=0;t={seconds}'
    assert refused.headers["RateLimit-Policy"] == '"starts";q=2;w=86400'
    assert visitor.send_form("/s/shop").status == 429
    assert visitor.send_form("/").status == 303
    clock.advance(seconds=seconds + 1)
    assert created("b").status_code == 201


def test_strangers_at_the_start_page_cannot_use_up_the_day_of_a_partners_backend(config, tmp_path, clock):
    limited = partners_file(tmp_path, shop="start_page = true\nstarts_per_day = 4")
    app = create_app(config.model_copy(update={"partners_file": limited, "starts_per_address": 1}), clock=clock)
    visitor = Visitor(app)
    opened = [visitor.filled_in("/s/shop") for _ in range(6)]
    clock.advance(minutes=10)
    assert [visitor.post("/s/shop", it).status for it in opened] == [303] * 3 + [429] * 3
    authorization = {"Authorization": f"Bearer {KEYS['shop']}"}
    created = app.test_client().post(ONBOARDINGS, base_url=HOME, json={"external_id": "a"}, headers=authorization)
    assert created.status_code == 201
