"""What people type stays where it belongs; `python -m e2e.bench.planted` does it with hundreds of them."""

import random

import pytest

from e2e.bench.planted import Findings, people_of, run

PERSON = people_of(1, random.Random(1))[0]
PLACES = {
    "addresses",
    "database",
    "database while running",
    "headers of answers",
    "headers of mails",
    "logs",
    "metrics",
    "process arguments",
    "process environment",
}


@pytest.mark.parametrize(
    "content",
    [
        f"id={PERSON.number}&",
        f"{PERSON.number[:2]}.{PERSON.number[2:5]}.{PERSON.number[5:]}",
        PERSON.first_name.upper(),
        f"<{PERSON.email}>",
    ],
)
def test_what_was_planted_is_found(content):
    found = Findings([PERSON])
    found.look("logs", content.encode())
    assert found.hits.total() >= 1


def test_longer_number_is_another_one():
    found = Findings([PERSON])
    found.look("logs", f"1{PERSON.number} {PERSON.number}0".encode())
    assert found.hits.total() == 0


@pytest.mark.slow
def test_journeys_with_faults_leave_nothing_where_it_does_not_belong(tmp_path):
    found = run(journeys=8, folder=tmp_path)
    assert +found.hits == {}
    assert {place for place, size in found.places.items() if size} == PLACES
