"""Faults that need no socket, and how they are ordered."""

import gzip
import json
import time

import httpx
import pytest

from e2e.mock_client import AUTHORIZED, CODE, MockClient
from e2e.mock_gu1.kinds import KINDS
from e2e.mock_gu1.wrong_shapes import COUNT, KEYS, SPOILT, wrong_shape

LIST = "/api/kyc/validations"


def order(mock, kind, operation="*", **more):
    return mock.told("faults", kind=kind, operation=operation, **more)


def create(mock, entity):
    return mock.post(LIST, entityId=entity["id"], integrationCode=CODE)


def created(mock):
    return mock.client.get("/_mock/ledger").json["created"]


def test_fault_strikes_the_calls_it_was_ordered_for(mock):
    order(mock, "status", "find_validations", nth=2, times=2)
    assert [mock.get(LIST).status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    shown = mock.client.get("/_mock/faults").json["faults"][0]
    assert (shown["seen"], shown["fired"]) == (5, 2)


def test_fault_leaves_other_operations_alone(mock):
    order(mock, "status", "create_entity")
    assert mock.get(LIST).status_code == 200
    assert mock.client.get("/_mock/ledger").status_code == 200


def test_fault_can_be_for_calls_containing_a_text(mock):
    order(mock, "status", containing="30111222")
    assert mock.get("/entities", taxId="other").status_code == 200
    assert mock.get("/entities", taxId="30111222").status_code == 503


def test_faults_are_cleared_together(mock):
    order(mock, "status")
    assert mock.client.delete("/_mock/faults").status_code == 204
    assert mock.get(LIST).status_code == 200


def test_impossible_fault_is_refused_with_a_message(mock):
    for body in (
        {"kind": "nothing"},
        {"kind": []},
        {"kind": "status", "operation": []},
        {"kind": "status", "operation": "dance"},
        {"kind": "status", "nth": 0},
        {"kind": "status", "when": "never"},
        {"kind": "status", "seconds": 1},
        {"kind": "status", "status": "high"},
        {"kind": "redirect", "location": "http://a\r\nX: y"},
    ):
        answer = mock.told("faults", **body)
        assert answer.status_code == 400, body
        assert answer.json["message"]


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_status_comes_before_or_after_commit(mock, when, count):
    entity = mock.entity()
    order(mock, "status", "create_validation", status=500, when=when, body="html", retry_after="7")
    answer = create(mock, entity)
    assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (500, "text/html", "7")
    assert created(mock) == count


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_takes_its_time(mock, when):
    order(mock, "latency", seconds=0.05, when=when)
    started = time.monotonic()
    assert mock.get(LIST).status_code == 200
    assert time.monotonic() - started >= 0.05


def test_kind_that_needs_a_socket_says_so_and_commits_nothing(mock):
    entity = mock.entity()
    for kind in [kind.name for kind in KINDS.values() if kind.is_raw]:
        order(mock, kind, "create_validation")
        answer = create(mock, entity)
        assert (answer.status_code, answer.json["error"]) == (501, "NEEDS_A_SOCKET"), kind
        mock.client.delete("/_mock/faults")
    assert created(mock) == 0


def test_garbage_is_the_same_for_the_same_seed():
    bodies = []
    for _ in range(2):
        mock = MockClient(seed=7)
        order(mock, "garbage_body", bytes=50)
        bodies.append(mock.get(LIST).data)
    assert bodies[0] == bodies[1] and len(bodies[0]) == 50


def test_wrong_bodies_are_many_and_each_stays_the_same():
    right = b'{"id": "1", "entity": {"id": "2"}}'
    bodies = {wrong_shape(number, right) for number in range(COUNT)}
    assert COUNT >= 200 and len(bodies) >= 200
    assert wrong_shape(COUNT + 3, right) == wrong_shape(3, right)


def test_wrong_body_spoils_one_key_everywhere(mock):
    number = COUNT - len(KEYS) * len(SPOILT) + 1
    mock.validation(mock.entity())
    order(mock, "wrong_shape", number=number)
    body = mock.get(LIST).json
    assert body["id"] is None and body["validations"][0]["id"] is None
    assert mock.client.get("/_mock/shapes").json["shapes"][number] == "id = None"


def test_huge_body_is_as_large_as_ordered(mock):
    order(mock, "huge", mib=2)
    answer = mock.get(LIST)
    assert len(answer.data) == int(answer.headers["Content-Length"]) == 2 * 1024 * 1024
    assert set(json.loads(answer.data)) == {"padding"}


def test_gzip_bomb_grows_a_thousandfold(mock):
    order(mock, "gzip_bomb", mib=3)
    answer = mock.get(LIST)
    assert answer.headers["Content-Encoding"] == "gzip" and len(answer.data) < 10_000
    assert len(gzip.decompress(answer.data)) == 3 * 1024 * 1024


def test_redirect_leads_elsewhere(mock):
    order(mock, "redirect", status=302, location="https://elsewhere.example/x")
    answer = mock.get(LIST)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://elsewhere.example/x")


def test_late_commit_is_lost_first_and_there_afterwards(mock):
    entity = mock.entity()
    order(mock, "late", "create_validation", seconds=90)
    assert create(mock, entity).status_code == 504
    assert created(mock) == 0
    mock.told("clock", advance_seconds=90)
    assert created(mock) == 1


def test_stale_reads_show_what_was(mock):
    entity = mock.entity()
    validation = mock.validation(entity)
    mock.told("clock", advance_seconds=100)
    mock.choose(validation, "approve")
    mock.validation(entity)
    order(mock, "stale", seconds=50)
    rows = mock.get(f"/api/kyc/entities/{entity['id']}/validations").json
    assert [(row["id"], row["status"]) for row in rows["validations"]] == [(validation["id"], "pending")]


def test_stale_lookup_does_not_know_a_new_entity(mock):
    mock.entity(externalId="ours")
    order(mock, "stale", seconds=50)
    path = "/entities/by-external-id/ours"
    assert [mock.get(path).status_code for _ in range(2)] == [404, 200]


def test_faults_strike_through_httpx_in_process(mock):
    order(mock, "status", status=502)
    transport = httpx.WSGITransport(app=mock.app)
    with httpx.Client(transport=transport, base_url="http://gu1", headers=AUTHORIZED) as client:
        assert [client.get(LIST).status_code for _ in range(2)] == [502, 200]
