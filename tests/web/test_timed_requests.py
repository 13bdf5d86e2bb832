"""Every request is counted by its route, also the one that Flask is not asked for."""

import logging
import re

import pytest

from portal.app import create_app
from tests.web.conftest import HOME


@pytest.fixture
def counted(app):
    def counted():
        page = app.extensions["portal"].metrics.page().decode()
        return {
            (route, method, status): float(number)
            for method, route, status, number in re.findall(
                r'^portal_http_seconds_count{method="(.+?)",route="(.+?)",status="(.+?)"} (.+)$', page, re.MULTILINE
            )
        }

    return counted


def test_requests_are_counted_by_route_method_and_status(app, counted):
    client = app.test_client()
    for _ in range(2):
        client.get("/healthz", base_url=HOME)  # the second is answered in front of Flask
    client.get("/o/nonsense", base_url=HOME)
    client.get("/nowhere-at-all", base_url=HOME)
    client.open("/healthz", method="BREW", base_url=HOME)
    assert counted() == {
        ("/healthz", "GET", "200"): 2,
        ("/o/<token>", "GET", "404"): 1,
        ("none", "GET", "404"): 1,
        ("none", "other", "405"): 1,
    }


def test_refused_request_is_counted_by_its_route(app, counted):
    client = app.test_client()
    client.get("/o/nonsense", headers={"Host": "elsewhere.example"})
    assert counted() == {("/o/<token>", "GET", "400"): 1}


@pytest.mark.asvs("16.3.1")
@pytest.mark.parametrize("wanted", [True, False])
def test_each_request_is_a_line_if_that_is_wanted_and_names_no_token(config, wanted, caplog):
    caplog.set_level(logging.INFO)
    client = create_app(config.model_copy(update={"access_log": wanted})).test_client()
    client.get("/o/a-token", base_url=HOME)
    told = [it.fields for it in caplog.records if it.name == "portal.web.timed_requests"]
    facts = [{name: it[name] for name in ("route", "method", "status")} for it in told]
    assert facts == ([{"route": "/o/<token>", "method": "GET", "status": "404"}] if wanted else [])
    assert "a-token" not in str(told) + caplog.text
