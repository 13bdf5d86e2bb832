from __future__ import annotations

from typing import Any

import pytest

from portal.gu1.pagination import Pages
from tests.gu1.rows import ENTITY_ID, a_row


def test_last_page_is_known_by_the_total() -> None:
    pages = Pages()
    assert pages.add({"validations": [a_row(id="v1")], "total": 2})
    assert not pages.add({"validations": [a_row(id="v2")], "total": 2})


def test_unreadable_rows_count_towards_the_total() -> None:
    assert not Pages().add({"validations": [a_row(), {"id": None}], "total": 2})


def test_empty_page_is_the_last() -> None:
    assert not Pages().add({"validations": [], "total": 50})


def test_page_that_repeats_itself_is_the_last() -> None:
    pages = Pages()
    assert pages.add([a_row(id="v1")])
    assert not pages.add([a_row(id="v1")])
    assert pages.are_whole


def test_newest_come_first_and_undated_last() -> None:
    pages = Pages()
    dated = {"v1": "2025-01-01T00:00:00Z", "v2": None, "v3": "2025-03-01T00:00:00Z"}
    pages.add([a_row(id=gu1_id, createdAt=created) for gu1_id, created in dated.items()])
    assert [seen.gu1_id for seen in pages.of_entity(ENTITY_ID)] == ["v3", "v1", "v2"]


def test_rows_of_another_entity_are_left_out() -> None:
    pages = Pages()
    pages.add([a_row(id="v1", entityId="other"), a_row(id="v2", entityId=None), a_row(id="v3")])
    assert [seen.gu1_id for seen in pages.of_entity(ENTITY_ID)] == ["v2", "v3"]


@pytest.mark.parametrize("announced", [{"total": 3}, {"hasMore": True}])
def test_repeated_page_of_a_longer_list_is_not_all_of_it(announced: dict[str, Any]) -> None:
    pages = Pages()
    assert pages.add({"validations": [a_row(id="v1")]} | announced)
    assert not pages.add({"validations": [a_row(id="v1")]} | announced)
    assert not pages.are_whole


def test_pages_are_whole_after_the_last_only() -> None:
    pages = Pages()
    pages.add({"validations": [a_row(id="v1")], "total": 2})
    assert not pages.are_whole
    pages.add({"validations": [a_row(id="v2")], "total": 2})
    assert pages.are_whole
