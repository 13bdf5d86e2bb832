"""A mock of gu1's KYC API and of its provider's hosted page.

It speaks gu1's contract in every generation of its pages, runs what a document number stands for by itself, lets
people choose the outcome of any other on its hosted page, sends signed webhooks, and breaks on demand. Nothing costs
anything, nothing is limited unless asked for, and everything left to chance comes from one seed (but ids: a mock
that is started again must not repeat them).

    python -m e2e.mock_gu1 --port 9000 --webhook-url http://127.0.0.1:8000/webhooks/gu1 --webhook-secret whsec

Three ways to run it: alone as above; on a thread with `with serving(create_mock()) as server`, `server.url` being
where; in-process through `httpx.WSGITransport(create_mock())`, where faults that need a socket answer 501.

People open `/`: validations newest first with a button per outcome, and every switch as a form.
Programs use /_mock, which asks for no key:

    GET  /_mock/ledger       created, completed, charged: in all, per entity, per onboarding; every validation in detail
    GET  /_mock/scenarios    document number → what will happen
    GET  /_mock/outcomes     what the next may say
    POST /_mock/validations/ID/outcome   {"outcome": "approve"}, whatever the status; also ID/sync and ID/replay
    POST /_mock/clock        {"advance_seconds": 691200}: sessions expire, what is due happens
    POST /_mock/outage       {"seconds": 20}: every call of the API is answered with 503
    POST /_mock/reset        back to how it was started
    GET  /_mock/world        the switches with their words; POST {"duplicates": "allow"} changes them
    POST /_mock/faults       {"operation": "create_validation", "kind": "close", "when": "after"}; GET lists what was
                             ordered and how often it struck, DELETE clears. nth (default 1, the next) and times say
                             which calls, containing limits them to those with that text in path, query or body
    GET  /_mock/kinds        the kinds of faults; GET /_mock/shapes the wrong bodies by number
    GET  /_mock/webhooks     every delivery with what it was answered
    POST /_mock/webhooks     {"delay": 2, "copies": 2, "shuffle": 3, "lose_every": 2, "lose": 0.1,
                              "forge": "no|wrong|unsigned|other_secret", "hold": true, "envelope": "v2a"}
    POST /_mock/webhooks/release   {"order": "as_held|reversed|shuffled"}
    POST /_mock/webhooks/replay    {"number": 3}: the same bytes once more
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
