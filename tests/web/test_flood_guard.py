"""What comes too often from one source is refused before it costs much, and nobody else's requests are."""

from datetime import timedelta

import pytest

from portal.app import create_app
from portal.web.request_limits import Limited
from tests.domain.test_start_limits import solved
from tests.page import APPLICANT, Visitor
from tests.partners import partners_file
from tests.web.conftest import ONBOARDINGS

FLOOD = {"X-Forwarded-For": "203.0.113.7"}
OTHERS = {"X-Forwarded-For": "203.0.113.8"}


@pytest.fixture
def config(config):
    return config.model_copy(update={"trusted_proxies": 1, "rate_limit_storage": "memory://"})


@pytest.fixture
def limits(app):
    return app.extensions["portal"].request_limits


@pytest.fixture
def use_up(limits):
    """So many requests as are within the limit."""

    def use_up(kind, *source, but=0):
        for _ in range(kind.value - but):
            assert limits.seconds_left(kind, *source) is None

    return use_up


def start(visitor, headers=FLOOD, **changes):
    return visitor.post("/", visitor.get("/").fields | APPLICANT | changes, headers=headers)


def test_above_the_limit_of_forms_the_browser_works_and_other_addresses_do_not(visitor, use_up, count):
    use_up(Limited.FORM, "203.0.113.7")
    asked = start(visitor)
    assert (asked.status, asked.response.headers["Retry-After"], count()) == (429, "60", 0)
    assert asked.fields["first_name"] == APPLICANT["first_name"]
    assert 'portal_refusals_total{kind="flood"} 1.0' in visitor.get("/metrics").response.text
    assert start(visitor, OTHERS).status == 303
    proof = solved(asked.fields["form_token"], 1)
    assert visitor.post("/", asked.fields | {"proof": proof}, headers=FLOOD).status == 303
    assert count() == 2


def test_without_scripts_a_minute_helps_too(visitor, use_up, clock):
    use_up(Limited.FORM, "203.0.113.7")
    asked = start(visitor)
    assert visitor.post("/", asked.fields, headers=FLOOD).status == 429
    clock.now += timedelta(minutes=1)
    assert visitor.post("/", asked.fields, headers=FLOOD).status == 303


def test_form_with_a_mistake_is_shown_its_mistake(visitor, use_up):
    use_up(Limited.FORM, "203.0.113.7")
    assert start(visitor, first_name="").status == 400


def test_far_above_the_limit_there_is_a_page_without_a_form_but_work_still_helps(visitor, use_up):
    use_up(Limited.FORM, "203.0.113.7")
    asked = start(visitor)
    use_up(Limited.WORK, "203.0.113.7", but=1)
    refused = start(visitor)
    assert refused.status == 429
    assert 1 <= int(refused.response.headers["Retry-After"]) <= 60
    assert not refused.all("form", method="post")
    assert refused.text("h1") == "Llegan demasiadas solicitudes desde tu red"
    proof = solved(asked.fields["form_token"], 1)
    assert visitor.post("/", asked.fields | {"proof": proof}, headers=FLOOD).status == 303


def test_work_for_one_form_is_not_good_for_a_flood_of_it(visitor, use_up):
    use_up(Limited.FORM, "203.0.113.7")
    asked = start(visitor)
    fields = asked.fields | {"proof": solved(asked.fields["form_token"], 1)}
    use_up(Limited.PROVED_FORM, fields["form_token"])
    assert visitor.post("/", fields, headers=FLOOD).status == 429


def test_buttons_of_a_link_have_a_limit_of_their_own(visitor, use_up):
    link = start(visitor).response.location
    other = start(visitor, document_number="30123457", shown_number="30123457").response.location
    use_up(Limited.BUTTON, "203.0.113.7", link.rpartition("/")[2])
    refused = visitor.post(f"{link}/stop", {}, headers=FLOOD)
    assert refused.status == 429
    assert refused.one("a", class_="button")["href"] == link
    assert visitor.post(f"{other}/stop", {}, headers=FLOOD).status != 429
    assert visitor.post(f"{link}/stop", {}, headers=OTHERS).status != 429
    assert visitor.get(f"{link}/status", headers=FLOOD).status == 200


def test_buttons_of_made_up_links_are_counted_by_address_alone(visitor, use_up):
    use_up(Limited.BUTTON, "203.0.113.7", "made-up")
    use_up(Limited.BAD_LINK, "203.0.113.7", but=1)
    assert visitor.post("/o/made-up/stop", {}, headers=FLOOD).status == 404
    assert visitor.post("/o/another/stop", {}, headers=FLOOD).status == 429
    assert visitor.post("/o/another/stop", {}, headers=OTHERS).status == 404


def test_links_that_lead_nowhere_have_a_limit_and_genuine_ones_none(visitor, use_up):
    link = start(visitor).response.location
    use_up(Limited.BAD_LINK, "203.0.113.7")
    assert visitor.get("/o/nothing", headers=FLOOD).status == 429
    assert visitor.get(link, headers=FLOOD).status == 200
    assert visitor.get("/o/nothing", headers=OTHERS).status == 404


def test_codes_that_open_nothing_count_as_such_links(visitor, use_up):
    use_up(Limited.BAD_LINK, "203.0.113.7", but=1)
    assert visitor.get("/Q/0123456789AB", headers=FLOOD).status == 410
    assert visitor.get("/Q/0123456789AB", headers=FLOOD).status == 429
    assert visitor.post("/Q/0123456789AB", {}, headers=FLOOD).status == 429
    assert visitor.get("/Q/0123456789AB", headers=OTHERS).status == 410


def test_calls_of_the_api_are_limited_by_address(ask, use_up):
    use_up(Limited.API, "203.0.113.7")
    refused = ask("GET", ONBOARDINGS, headers=FLOOD)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ask("GET", ONBOARDINGS, headers=OTHERS).status_code == 401


def test_networks_of_one_customer_are_one_source(visitor, use_up):
    use_up(Limited.FORM, "2001:db8::/56")
    assert start(visitor, {"X-Forwarded-For": "2001:db8::99"}).status == 429
    assert start(visitor, {"X-Forwarded-For": "2001:db8:0:100::99"}).status == 303


def test_refusal_in_a_partners_frame_is_shown_there(config, tmp_path):
    shop = 'start_page = true\norigins = ["https://shop.example"]'
    app = create_app(config.model_copy(update={"partners_file": partners_file(tmp_path, shop=shop)}))
    for kind in (Limited.FORM, Limited.WORK):
        for _ in range(kind.value):
            app.extensions["portal"].request_limits.seconds_left(kind, "203.0.113.7")
    refused = Visitor(app).post("/s/shop", {}, headers=FLOOD)
    assert (refused.status, refused.one("html")["lang"]) == (429, "pt-BR")
    assert "frame-ancestors https://shop.example" in refused.response.headers["Content-Security-Policy"]
    assert refused.text("title").endswith("The shop")
