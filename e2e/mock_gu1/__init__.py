"""A mock of gu1's KYC API and of its provider's hosted page.

It implements every documented generation of gu1's API, runs the scenario of a document number by itself, lets people
choose any other outcome on its hosted page, sends signed webhooks, and fails on demand. It costs nothing and has no
limits by default. One seed determines all randomness except ids, which must not repeat after a restart.

    python -m e2e.mock_gu1 --port 9000 --webhook-url http://127.0.0.1:8000/webhooks/gu1 --webhook-secret whsec

Three ways to run it: as a process, see above; on a thread with `with serving(create_mock()) as server`, at
`server.url`; in-process through `httpx.WSGITransport(create_mock())`, where faults that need a socket answer 501.

People open `/`: validations newest first with a button per outcome, and every switch as a form.
Programs use /_mock, which needs no key:

    GET  /_mock/ledger       created, completed, charged: in all, per entity, per onboarding; every validation in detail
    GET  /_mock/scenarios    document number → what will happen
    GET  /_mock/outcomes     the outcomes for the next call
    POST /_mock/validations/ID/outcome   {"outcome": "approve"}, in any status; also ID/sync and ID/replay
    POST /_mock/clock        {"advance_seconds": 691200}: sessions expire, delayed work runs
    POST /_mock/outage       {"seconds": 20}: every API call gets 503
    POST /_mock/reset        back to the initial state
    GET  /_mock/world        the switches with their words; POST {"duplicates": "allow"} changes them
    POST /_mock/faults       {"operation": "create_validation", "kind": "close", "when": "after"}; GET lists the
                             faults and how often they struck, DELETE clears them. nth (default 1, the next) and times
                             choose the calls, containing limits them to those with a text in path, query or body
    GET  /_mock/kinds        the kinds of faults; GET /_mock/shapes the wrong bodies by number
    GET  /_mock/webhooks     every delivery with its answers
    POST /_mock/webhooks     {"delay": 2, "copies": 2, "shuffle": 3, "lose_every": 2, "lose": 0.1,
                              "forge": "no|wrong|unsigned|other_secret", "hold": true, "envelope": "v2a"}
    POST /_mock/webhooks/release   {"order": "as_held|reversed|shuffled"}
    POST /_mock/webhooks/replay    {"number": 3}: the same bytes again
    POST /_mock/webhooks/send      {"event": "rule.triggered", "payload": {}}; "validation" or "entity" with an id
                                   fills the payload

A webhook that arrives before the create answer: a fault {"operation": "create_validation", "kind": "latency",
"when": "after"}. One that comes days late: hold, advance the clock, release.
"""

from e2e.mock_gu1.app import create_mock
from e2e.mock_gu1.envelopes import SIGNATURE_HEADER
from e2e.mock_gu1.server import serving
from e2e.mock_gu1.settings import DEFAULT_API_KEY

__all__ = ["DEFAULT_API_KEY", "SIGNATURE_HEADER", "create_mock", "serving"]
