"""One id leads from a caller's request through the log to gu1."""

import asyncio
import json
import logging

import httpx
import pytest
from werkzeug.test import create_environ, run_wsgi_app

from portal.app import create_app, runner_of
from portal.domain.onboarding import ConsentText
from portal.gu1.client import Gu1Client
from portal.logs import JsonLines
from portal.services.request_ids import HEADER
from portal.web.last_resort import LastResort
from portal.web.request_id_header import RequestIdHeader
from tests.databases import on_both_databases
from tests.factories import some_details
from tests.partners import KEYS, partners_file
from tests.web.conftest import HOME, ONBOARDINGS


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


ADDRESSES = ["/", "/nothing", "/healthz", "/embed.js", "/o/x", "/api/v1/openapi.json", f"{ONBOARDINGS}/x", "/readyz"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_answer_has_an_id_of_its_own(ask, path):
    ids = [ask("GET", path).headers.getlist(HEADER) for _ in range(3)]
    assert len({it for [it] in ids}) == 3


@pytest.mark.parametrize("given", ["7", "6f0e-1", "Root:1-67891233", "a" * 128])
def test_well_formed_ids_are_taken_over(ask, given):
    assert all(ask("GET", path, headers={HEADER: given}).headers[HEADER] == given for path in ADDRESSES)


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "ñ", "-a", "a,b", "a@b.example", "/o/token", '"x"'])
def test_other_ids_are_replaced(ask, given):
    assert ask("GET", "/healthz", headers={HEADER: given}).headers[HEADER] not in {"", given}


def test_what_flask_cannot_answer_has_one_too():
    def broken(_environ, _start_response):
        raise RuntimeError

    app = RequestIdHeader(LastResort(broken))
    _body, status, headers = run_wsgi_app(app, create_environ(headers={HEADER: "req-1"}))
    assert (status, headers[HEADER]) == ("500 Internal Server Error", "req-1")


@pytest.fixture
def lines():
    """The log as it is written."""
    written = []

    class Keeper(logging.Handler):
        def emit(self, record):
            written.append(json.loads(JsonLines().format(record)))

    keeper, log = Keeper(), logging.getLogger("portal")
    log.addHandler(keeper)
    yield written
    log.removeHandler(keeper)


@pytest.fixture
def asked():
    """What gu1 is asked: it refuses everything."""
    return []


@pytest.fixture
def app(config, clock, asked):
    def refuse(request):
        asked.append(request)
        return httpx.Response(403, json={"error": "FORBIDDEN"})

    gu1 = Gu1Client(
        base_url="https://gu1.example", api_key="key", integration_code="code", transport=httpx.MockTransport(refuse)
    )
    return create_app(config, clock=clock, gu1=gu1)


@pytest.mark.asvs("16.2.1")
@on_both_databases
def test_id_of_a_request_leads_on_to_gu1(app, ask, asked, lines, onboardings):
    headers = {"Authorization": f"Bearer {KEYS['shop']}", HEADER: "order-1001"}
    found = ask("POST", ONBOARDINGS, headers=headers, json={"external_id": "customer-7"}).json
    onboardings.give_details(found["id"], some_details(), consent=ConsentText("2026-01"))
    lines.clear()  # the details were given outside of any request
    asyncio.run(runner_of(app).onboardings.work_until_idle())
    assert asked and {it.headers[HEADER] for it in asked} == {"order-1001"}
    about = [it for it in lines if found["id"] in it["message"]]
    assert about and {it["request_id"] for it in about} == {"order-1001"}


def test_line_outside_a_request_names_none(lines):
    logging.getLogger("portal.test").warning("by itself")
    assert "request_id" not in lines[0]


def test_request_leaves_no_id_behind(ask, lines):
    ask("GET", f"{HOME}/healthz", headers={HEADER: "req-1"})
    logging.getLogger("portal.test").warning("afterwards")
    assert "request_id" not in lines[-1]
