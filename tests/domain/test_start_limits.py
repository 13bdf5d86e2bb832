import hashlib
import itertools
from datetime import timedelta

import pytest

from portal.domain.proof_of_work import bits_for, challenge_of, effort_shown, wait_for
from portal.domain.start_limits import HOUR, MOST_EFFORT, StartCounter, address_block

NO_TIME = timedelta()


def counter(**changes):
    return StartCounter(**{"key": "key", "lasts": HOUR, "limit": 10, "effort": 0} | changes)


@pytest.mark.parametrize(
    ("used", "effort"), [(1, 0), (10, 0), (11, 1), (20, 1), (21, 2), (40, 2), (80, 3), (81, 4), (10**6, MOST_EFFORT)]
)
def test_each_doubling_beyond_the_limit_costs_more(used, effort):
    assert counter().effort_for(used) == effort
    assert counter(effort=effort).admits(used)
    assert effort == 0 or not counter(effort=effort - 1).admits(used)


def test_no_effort_helps_against_a_limit_of_money_and_none_is_needed_without_a_limit():
    assert counter(effort=None).admits(10)
    assert not counter(effort=None).admits(11)
    assert counter(limit=None).admits(10**9)
    assert counter(limit=None).effort_for(10**9) == 0


@pytest.mark.asvs("15.3.4")
@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2ff:1:2:3:4", "2001:db8:1:200::/56"),
        ("2001:db8:1:2aa::9", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_an_address_stands_for_one_customer_of_a_network(address, block):
    assert address_block(address) == block


def solved(token, effort):
    challenge, most = challenge_of(token), 1 << (256 - bits_for(effort))
    tries = map(str, itertools.count())
    return next(it for it in tries if int.from_bytes(hashlib.sha256(f"{challenge}{it}".encode()).digest()) < most)


def test_work_counts_for_the_form_that_it_was_done_for():
    proof = solved("token", 1)
    assert effort_shown("token", proof, NO_TIME) >= 1
    assert effort_shown("another", proof, NO_TIME) == 0


@pytest.mark.parametrize("proof", ["", "0", "x" * 17, "é", "9" * 10_000, "-1", "\0"])
def test_whatever_was_sent_as_proof_is_none(proof):
    assert effort_shown("token", proof, NO_TIME) == 0


def test_who_waits_needs_no_script():
    for effort in range(1, MOST_EFFORT + 1):
        assert effort_shown("token", "", wait_for(effort)) == effort
        assert effort_shown("token", "", wait_for(effort) - timedelta(seconds=1)) == effort - 1
    assert effort_shown("token", "", timedelta(seconds=-5)) == 0
