"""Whoever holds too many connections loses those beyond, and nobody else any."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import ExitStack, suppress

import pytest

from portal.web.connection_guard import ConnectionGuard
from portal.web.refusals import Refusal

MOST = 50
"""More than the tests have open otherwise, so that a look counts only where they do."""


@pytest.fixture
def kept_open():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def connect(kept_open):
    """Connections from an address of this machine to a port that listens here, each from both ends."""

    def connect(number, address, *, listens=True):
        listening = kept_open.enter_context(socket.create_server(("127.0.0.1", 0), backlog=number))
        ends = []
        for _ in range(number):
            client = kept_open.enter_context(socket.socket())
            client.bind((address, 0))
            client.connect(listening.getsockname())
            ends.append((client, kept_open.enter_context(listening.accept()[0])))
        if not listens:  # as of connections to a database or to gu1
            listening.close()
        return ends

    return connect


def still_open(ends):
    return sum(works(client, served) for client, served in ends)


def works(client, served):
    client.settimeout(5)
    with suppress(OSError):
        served.sendall(b"x")
        return client.recv(1) == b"x"
    return False


@pytest.mark.asvs("15.2.2")
def test_only_connections_beyond_the_limit_are_ended(connect):
    refused = Counter()
    greedy, others = connect(MOST + 20, "127.0.0.1"), connect(MOST, "127.0.0.2")
    ConnectionGuard(lambda kind: refused.update([kind]), most=MOST).look()
    assert (still_open(greedy), still_open(others)) == (MOST, MOST)
    assert refused == {Refusal.MANY_CONNECTIONS: 20}


def test_a_later_look_counts_who_has_come_and_who_has_gone(connect):
    refused = Counter()
    guard = ConnectionGuard(lambda kind: refused.update([kind]), most=MOST)
    first = connect(MOST + 5, "127.0.0.1")
    guard.look()
    for ends in first:
        for end in ends:
            end.close()
    others = connect(MOST, "127.0.0.2")  # some of them under the numbers of those that were closed
    guard.look()
    assert (still_open(others), refused.total()) == (MOST, 5)
    more = connect(3, "127.0.0.2")
    guard.look()
    assert (still_open(others) + still_open(more), refused.total()) == (MOST, 5 + 3)


def test_what_is_known_of_a_connection_is_not_asked_again(connect, monkeypatch):
    guard = ConnectionGuard(lambda _kind: None, most=MOST)
    ends = connect(MOST - 1, "127.0.0.1")
    guard.look()
    monkeypatch.setattr(socket.socket, "getpeername", None)
    guard.look()
    assert still_open(ends) == MOST - 1


def test_own_connections_are_left_alone(connect):
    ends = connect(MOST + 20, "127.0.0.1", listens=False)
    ConnectionGuard(lambda _kind: None, most=MOST).look()
    assert still_open(ends) == MOST + 20


def test_with_few_open_files_nothing_is_counted(connect, monkeypatch):
    ends = connect(3, "127.0.0.1")
    monkeypatch.setattr(socket.socket, "getpeername", None)
    ConnectionGuard(lambda _kind: None, most=10_000).look()
    assert still_open(ends) == 3
