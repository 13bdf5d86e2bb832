import pytest

from portal.domain.stage import Stage
from tests.factories import NOW
from tests.web.stages import adopted, stored_as

SESSION = "session-of-sixteen-or-more"


def test_whoever_comes_back_is_led_to_their_page(visitor, stored):
    path = stored(validation=adopted(session_id=SESSION, shown_at=NOW))
    answer = visitor.get(f"/return?verificationSessionId={SESSION}&status=Approved")
    assert (answer.status, answer.response.headers["Location"]) == (303, path)


def test_coming_back_makes_the_engine_look(visitor, gu1, work):
    gu1_id = "validation-1"
    path = visitor.begin()
    work()
    visitor.get(f"{path}/continue")
    visitor.get(f"/return?verificationSessionId={gu1.validations[gu1_id].session_id}")
    work()
    assert gu1.named("read_validation") == [("read_validation", gu1_id)]


def test_what_the_address_says_of_the_outcome_counts_for_nothing(visitor, stored):
    path = stored(validation=adopted(session_id=SESSION, shown_at=NOW))
    visitor.get(f"/return?verificationSessionId={SESSION}&status=Approved")
    assert visitor.get(path).stage == Stage.WAITING


@pytest.mark.parametrize(
    "query",
    [
        "",
        "verificationSessionId=",
        "verificationSessionId=short",
        "verificationSessionId=an-unknown-session-id",
        "verificationSessionId=%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00",
        "verificationSessionId=%25%25%25%25%25%25%25%25%25%25%25%25%25%25%25%25",
        "verificationSessionId=" + "A" * 5000,
        "verificationSessionId[]=session-of-sixteen-or-more",
        "next=https://example.com",
    ],
    ids=lambda query: query[:40],
)
def test_others_are_told_where_to_go(visitor, stored, query):
    stored(validation=adopted(session_id=SESSION))
    page = visitor.get(f"/return?{query}")
    assert page.status == 200
    assert page.text("h1")
    assert "/o/" not in page.html


def test_short_sessions_open_nothing(visitor, stored):
    stored(validation=adopted(session_id="short"))
    assert visitor.get("/return?verificationSessionId=short").status == 200


def test_an_onboarding_that_is_over_is_not_looked_at_again(visitor, stored, sql):
    stored(**stored_as(Stage.APPROVED) | {"validation": adopted(session_id=SESSION), "due_at": None})
    visitor.get(f"/return?verificationSessionId={SESSION}")
    assert sql("SELECT due_at FROM onboardings") == [(None,)]
