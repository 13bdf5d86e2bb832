"""OpenTelemetry traces: a request, the runner's steps that it leads to, and their calls to gu1.

Only if `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says where they go; else nothing is
imported and nothing is in anybody's way. A trace's id is made from the request's id, which the onboarding keeps, so a
step that another process takes belongs to the same trace. No attribute holds what a person or gu1 wrote: they are
routes, methods, statuses, names of steps and operations, and the onboarding's id.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from portal.domain.onboarding import Onboarding
from portal.metrics import Metrics
from portal.services.ports import Clock
from portal.services.request_ids import HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import SpanContext, Tracer

log = logging.getLogger(__name__)

SAME_TRACE = timedelta(minutes=15)
"""After the onboarding's last change. Later steps begin traces of their own, with a link to that of the request."""
LAST_SENDING = 2.0
"""Seconds that the end of a process waits for it."""
ONBOARDING, OUTCOME = "portal.onboarding", "portal.outcome"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"})

TakeStep = Callable[[Onboarding], Coroutine[object, object, None]]


def traces_as_set() -> NoTraces:
    if not _are_wanted():
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.error("traces are wanted and cannot be sent: the extra opentelemetry is not installed")
        return NoTraces()
    return Traces(BatchSpanProcessor(OTLPSpanExporter()))


def _are_wanted() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)


class NoTraces:
    """Everything as it is."""

    def metrics(self) -> Metrics:
        return Metrics()

    def trace_requests(
        self, app: WSGIApplication, *, route: str, onboarding_at: Callable[[str], str | None]
    ) -> WSGIApplication:
        """`route`: where in the environment the rule of the address is; `onboarding_at`: of an address's path."""
        return app

    def trace_steps(self, take: TakeStep, clock: Clock) -> TakeStep:
        return take

    def end(self) -> None:
        """Sends what is left, but does not wait for a receiver that hangs."""


class Traces(NoTraces):
    def __init__(self, processor: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only who wants traces has it installed
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

        given: ContextVar[SpanContext | None] = ContextVar("given_ids", default=None)

        class Ids(RandomIdGenerator):
            """Those of a request are made from its id."""

            def generate_trace_id(self) -> int:
                ids = given.get()
                return ids.trace_id if ids else super().generate_trace_id()

            def generate_span_id(self) -> int:
                ids = given.get()
                return ids.span_id if ids else super().generate_span_id()

        name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "kyc-portal"}
        resource = Resource.create({**name, "service.version": version("kyc-onboarding-portal")})
        self._given = given
        self._provider = TracerProvider(resource=resource, id_generator=Ids())
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("portal")

    def metrics(self) -> Metrics:
        return _TracedMetrics(self._tracer)

    def trace_requests(
        self, app: WSGIApplication, *, route: str, onboarding_at: Callable[[str], str | None]
    ) -> WSGIApplication:
        def traced(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            began, told = time.time_ns(), list[tuple[str, str]]()

            def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
                request_id = next((value for name, value in headers if name == HEADER), "")
                told[:] = [(status[:3], request_id)]
                return start_response(status, headers, *error)

            answer = app(environ, start)
            if told:  # else the request is about to be made again, by a thread that may wait
                ((status, request_id),) = told
                given = environ["REQUEST_METHOD"]
                rule, method = environ.get(route, "none"), given if given in _METHODS else "_OTHER"
                facts = {"http.route": rule, "http.request.method": method, "http.response.status_code": int(status)}
                if found := onboarding_at(environ.get("PATH_INFO", "")):
                    facts[ONBOARDING] = found
                self._record_request(f"{method} {rule}", request_id, began, facts)
            return answer

        return traced

    def trace_steps(self, take: TakeStep, clock: Clock) -> TakeStep:
        from opentelemetry.context import Context  # noqa: PLC0415
        from opentelemetry.trace import Link  # noqa: PLC0415

        async def traced(claimed: Onboarding) -> None:
            request = self._ids_of(claimed.request_id) if claimed.request_id else None
            is_fresh = clock() - claimed.updated_at < SAME_TRACE
            with self._tracer.start_as_current_span(
                "step",
                context=_within(request) if request and is_fresh else Context(),
                links=[Link(request)] if request and not is_fresh else [],
                attributes={ONBOARDING: claimed.id},
                record_exception=False,  # its text may quote what a person wrote
                set_status_on_exception=False,
            ):
                await take(claimed)

        return traced

    def end(self) -> None:
        sending = threading.Thread(target=self._provider.shutdown, name="last traces", daemon=True)
        sending.start()
        sending.join(LAST_SENDING)

    def _record_request(self, name: str, request_id: str, began: int, facts: dict[str, str | int]) -> None:
        from opentelemetry.context import Context  # noqa: PLC0415
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415

        begun = self._given.set(self._ids_of(request_id))
        try:
            span = self._tracer.start_span(name, Context(), SpanKind.SERVER, facts, start_time=began)
        finally:
            self._given.reset(begun)
        if int(facts["http.response.status_code"]) >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    def _ids_of(self, request_id: str) -> SpanContext:
        """Whoever knows the request's id finds its trace: its SHA-256, the first 32 digits."""
        from opentelemetry.sdk.trace.sampling import Decision  # noqa: PLC0415
        from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

        digest = hashlib.sha256(request_id.encode()).digest()
        trace_id, span_id = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
        # As for the request itself, in whichever process that was.
        decision = self._provider.sampler.should_sample(None, trace_id, "").decision
        flags = TraceFlags(TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


class _TracedMetrics(Metrics):
    """Also names the span of a step, which its metrics know, and makes spans of calls to gu1."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def observe(self, event: str, seconds: float, **labels: str) -> None:
        super().observe(event, seconds, **labels)
        if event == "step_seconds":
            self._name_step(labels["step"], labels["outcome"])
        elif event == "gu1_seconds":
            self._record_call(labels["operation"], labels["outcome"], seconds)

    def _name_step(self, step: str, outcome: str) -> None:
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        span = get_current_span()
        span.update_name(f"step {step}")
        span.set_attribute(OUTCOME, outcome)

    def _record_call(self, operation: str, outcome: str, seconds: float) -> None:
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415

        ended = time.time_ns()
        began, facts = ended - int(seconds * 1e9), {OUTCOME: outcome}
        span = self._tracer.start_span(f"gu1 {operation}", None, SpanKind.CLIENT, facts, start_time=began)
        if outcome != "ok":
            span.set_status(StatusCode.ERROR)
        span.end(ended)


def _within(request: SpanContext) -> Context:
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context  # noqa: PLC0415

    return set_span_in_context(NonRecordingSpan(request), None)
