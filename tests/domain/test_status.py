import pytest

from portal.domain.status import Status, may_move

FINAL = {"approved", "rejected", "expired", "cancelled"}
WORDS = {str(status) for status in Status}

WITHOUT_TIMES = {
    "pending": WORDS - {"pending"},
    "in_progress": WORDS - {"pending", "in_progress"},
    "abandoned": WORDS - {"pending", "abandoned"},
    "unknown": WORDS - {"unknown"},
    "in_review": FINAL | {"unknown"},
    "approved": {"rejected"},
    "rejected": set(),
    "expired": set(),
    "cancelled": set(),
}
NEWER = {old: (FINAL if old in FINAL else WORDS) - {old} for old in WORDS}


@pytest.mark.parametrize("old", Status)
@pytest.mark.parametrize(("newer", "table"), [(None, WITHOUT_TIMES), (True, NEWER)])
def test_moves_are_those_of_the_table(old, newer, table):
    assert {str(new) for new in Status if may_move(old, new, newer=newer)} == table[old]


@pytest.mark.parametrize("old", Status)
def test_older_news_moves_nothing(old):
    assert not any(may_move(old, new, newer=False) for new in Status)


def test_final_words_are_four_and_unknown_is_none_of_them():
    assert {str(status) for status in Status if status.is_final} == FINAL


@pytest.mark.parametrize("old", sorted(FINAL))
def test_only_newer_news_turns_a_final_status_into_success(old):
    assert not may_move(Status(old), Status.APPROVED, newer=None)
