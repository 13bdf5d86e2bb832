"""Traces follow a form or a poll to gu1, and name nobody."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from e2e.mock_gu1 import create_mock
from e2e.mock_gu1.server import serving
from portal.app import add_services, runner_of
from portal.domain.timings import Timings
from portal.services.request_ids import HEADER
from portal.tracing import LAST_SENDING, ONBOARDING, SAME_TRACE, Traces, traces_as_set
from portal.web.flask_app import make_flask
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding
from tests.page import Visitor
from tests.receiver import receiving
from tests.runner.test_thread import until

NUMBER, FIRST, LAST, EMAIL = "30918273", "Filomena", "Quintriqueo", "filomena.q@example.com"
REQUEST_ID = "poll-5e1f"
INSTANT = timedelta(seconds=1)


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def app(config, exporter, shared_engines):
    mock = create_mock(api_key="key", webhook_secret="s", pauses=(0.01, 0.01))
    with serving(mock) as server:
        traced = config.model_copy(update={"gu1_base_url": server.url, "gu1_provider_hosts": ("127.0.0.1",)})
        app, engine = make_flask(traced), shared_engines["portal"].connect_to(traced.database_url)
        add_services(app, traced, engine, timings=Timings(), traces=Traces(SimpleSpanProcessor(exporter)))
        runner_of(app).start()
        yield app
        runner_of(app).stop()


def spans_of(exporter, name):
    return [it for it in exporter.get_finished_spans() if it.name == name]


def everything_in(span):
    links = [dict(link.attributes or {}) for link in span.links]
    events = [(it.name, dict(it.attributes or {})) for it in span.events]
    return json.dumps(
        [span.name, dict(span.attributes), links, events, span.status.description, dict(span.resource.attributes)]
    )


@on_both_databases
def test_a_form_and_a_poll_are_followed_to_gu1(app, exporter):
    visitor = Visitor(app)
    sent = visitor.send_form(document_number=NUMBER, first_name=FIRST, last_name=LAST, email=EMAIL)
    link = sent.response.headers["Location"]
    until(lambda: spans_of(exporter, "gu1 create_validation"))
    assert visitor.get(f"{link}/status", headers={HEADER: REQUEST_ID}).status == 200
    runner_of(app).stop()

    (form,) = spans_of(exporter, "POST /")
    (step,) = spans_of(exporter, "step create_entity")
    assert (form.kind, form.parent) == (SpanKind.SERVER, None)
    assert step.parent.span_id == form.context.span_id
    for name in ("gu1 create_entity", "gu1 create_validation"):
        (call,) = spans_of(exporter, name)
        assert (call.kind, call.parent.span_id) == (SpanKind.CLIENT, step.context.span_id)
        assert form.context.trace_id == step.context.trace_id == call.context.trace_id
        assert step.start_time <= call.start_time <= call.end_time <= step.end_time
    assert dict(form.attributes) == {"http.route": "/", "http.request.method": "POST", "http.response.status_code": 303}

    (poll,) = spans_of(exporter, "GET /o/<token>/status")
    assert poll.attributes[ONBOARDING] == step.attributes[ONBOARDING]
    assert f"{poll.context.trace_id:032x}" == hashlib.sha256(REQUEST_ID.encode()).hexdigest()[:32]

    spans = exporter.get_finished_spans()
    assert len(spans) > 5
    for span in spans:
        told = everything_in(span)
        for never in (NUMBER, FIRST, LAST, EMAIL, link.rpartition("/")[2], "/o/ey", "127.0.0.1"):
            assert never not in told


def test_what_comes_later_has_a_trace_of_its_own_with_a_link(exporter):
    traces, began = Traces(SimpleSpanProcessor(exporter)), an_onboarding(request_id=REQUEST_ID)

    async def take(_claimed):
        pass

    for waited in (SAME_TRACE - INSTANT, SAME_TRACE):
        asyncio.run(traces.trace_steps(take, lambda waited=waited: began.updated_at + waited)(began))
    soon, late = exporter.get_finished_spans()
    assert soon.parent.trace_id == soon.context.trace_id
    assert late.parent is None
    assert [it.context.trace_id for it in late.links] == [soon.context.trace_id] != [late.context.trace_id]


def test_what_fails_is_an_error_and_its_text_is_left_out(exporter):
    traces = Traces(SimpleSpanProcessor(exporter))

    async def take(_claimed):
        traces.metrics().gu1_call("create_entity", "unavailable", 0.5)
        raise ValueError(f"bad name {FIRST}")

    with pytest.raises(ValueError, match=FIRST):
        asyncio.run(traces.trace_steps(take, lambda: NOW)(an_onboarding()))
    call, step = exporter.get_finished_spans()
    assert (call.name, call.status.status_code) == ("gu1 create_entity", StatusCode.ERROR)
    assert FIRST not in everything_in(step) + everything_in(call)


def test_steps_of_a_request_are_sampled_as_it_is(exporter, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    traces = Traces(SimpleSpanProcessor(exporter))

    async def take(_claimed):
        pass

    def app(_environ, start_response):
        start_response("200 OK", [(HEADER, request_id)])
        return []

    traced = traces.trace_requests(app, route="route", onboarding_at=lambda _path: None)
    for number in range(40):
        request_id = f"request-{number}"
        traced({"REQUEST_METHOD": "GET"}, lambda *_: None)
        asyncio.run(traces.trace_steps(take, lambda: NOW)(an_onboarding(request_id=request_id)))
    by_kind = {
        kind: {it.context.trace_id for it in exporter.get_finished_spans() if it.kind is kind} for kind in SpanKind
    }
    assert by_kind[SpanKind.SERVER] == by_kind[SpanKind.INTERNAL]
    assert 5 < len(by_kind[SpanKind.SERVER]) < 35


START = """
import sys, portal.app
from portal.tracing import traces_as_set
print(type(traces_as_set()).__name__, sum(it.startswith("opentelemetry") for it in sys.modules))
"""
NOWHERE = "http://127.0.0.1:1"


def started(before="", **env):
    """Whose traces a new process makes, how many modules of OpenTelemetry it has, and what it says."""
    command, env = [sys.executable, "-c", before + START], os.environ | env
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60)
    kind, number = done.stdout.split()
    return kind, int(number), done.stderr


@pytest.mark.long
def test_nothing_is_imported_unless_an_address_is_given():
    assert started() == ("NoTraces", 0, "")
    assert started(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, OTEL_SDK_DISABLED="true")[:2] == ("NoTraces", 0)
    assert started(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, OTEL_TRACES_EXPORTER="none")[:2] == (
        "NoTraces",
        0,
    )


@pytest.mark.long
def test_without_the_extra_the_portal_starts_and_says_so():
    kind, _, said = started("import sys; sys.modules['opentelemetry'] = None", OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    assert (kind, "the extra opentelemetry is not installed" in said) == ("NoTraces", True)


def test_spans_are_sent_to_the_address_that_is_given(monkeypatch):
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", receiver.url)
        traces = traces_as_set()
        traces.metrics().gu1_call("create_entity", "ok", 0.5)
        traces.end()
        (sent,) = receiver.deliveries
    assert b"gu1 create_entity" in sent.body
    assert b"kyc-portal" in sent.body


@pytest.mark.long
def test_a_receiver_that_hangs_does_not_hold_up_the_end(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        traces = traces_as_set()
        traces.metrics().gu1_call("create_entity", "ok", 0.5)
        began = time.monotonic()
        traces.end()
    assert time.monotonic() - began < LAST_SENDING + 1
