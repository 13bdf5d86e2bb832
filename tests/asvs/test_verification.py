"""docs/asvs.md is complete, true to the markers, and up to date."""

from __future__ import annotations

import pytest

from tests.asvs.verification import PAGE, page, place, verification

LEVELS_1_AND_2 = 253
"""What the standard has."""


@pytest.fixture(scope="module")
def found():
    return verification()


def test_every_requirement_of_the_two_levels_has_one_place(found):
    numbers = [*found.requirements, *(number for it in found.not_applicable for number in it["numbers"])]
    assert len(numbers) == len(set(numbers)) == LEVELS_1_AND_2


def test_every_requirement_that_applies_is_shown(found):
    assert found.not_shown == []
    assert found.tested >= 120
    assert all(it["why"] for it in found.not_applicable)


def test_no_marker_names_what_does_not_exist(found):
    assert found.unknown == []


def test_page_is_written_from_the_markers(found):
    assert PAGE.read_text("utf-8") == page(found), "run python -m tests.asvs"


def test_wrong_marker_and_bare_requirement_would_be_seen(tmp_path):
    (tmp_path / "test_x.py").write_text('@pytest.mark.asvs("1.1.1", "99.1.1")\ndef test_x():\n    pass\n')
    (tmp_path / "x.md").write_text("# X y\n\n<!-- asvs 2.1.2 10.1.1 -->\n")
    found = verification([tmp_path / "test_x.py"], [tmp_path / "x.md"])
    assert found.unknown == ["99.1.1: test_x.py::test_x", "10.1.1: [X y](x.md#x-y)"]
    assert found.requirements["1.1.1"].tests == ["test_x.py::test_x"]
    assert found.requirements["2.1.2"].sections == ["[X y](x.md#x-y)"]
    assert "1.1.2" in found.not_shown and "1.1.1" not in found.not_shown


def test_numbers_are_in_their_order(found):
    assert sorted(found.requirements, key=place) == list(found.requirements)
