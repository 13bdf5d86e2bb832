import pytest

from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.factories import NOW
from tests.web.stages import adopted, stored_as

SESSION = "session-of-sixteen-or-more"


def test_whoever_comes_back_is_led_to_their_page(visitor, stored):
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW))
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
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW))
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


def test_before_the_return_the_page_asks_whether_the_photos_are_done(visitor, stored, clock):
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW))
    for _minutes in range(3):
        page = visitor.get(path)
        assert page.stage == Stage.WAITING
        assert page.text("li", **{"aria-current": "step"}) == "Documento y selfie"
        assert page.text("h1") == "¿Terminaste las fotos?"
        assert page.one("a", href=f"{path}/continue")["class"] == "button"
        assert page.one("form", action=f"{path}/photos-done")
        assert "Podés cerrar esta página" not in page.html
        clock.advance(minutes=2)


@pytest.mark.parametrize("how", ["by the way back", "by the button"])
def test_after_the_return_the_page_says_that_the_photos_are_checked(visitor, stored, clock, how):
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW))
    polled = visitor.get(path).one("section", id="status")["hx-get"]
    clock.advance(seconds=1)
    if how == "by the button":
        assert visitor.press(path, "photos-done").response.headers["Location"] == path
    else:
        visitor.get(f"/return?verificationSessionId={SESSION}")
    changed = visitor.get(polled)
    assert changed.text("h1") == "Estamos revisando tus fotos"
    assert visitor.get(path).text("li", **{"aria-current": "step"}) == "Resultado"
    assert not changed.all("form", action=f"{path}/photos-done")
    assert "class" not in changed.one("a", href=f"{path}/continue"), "no button that looks like the next step"
    assert "qr.svg" not in changed.html, "nor a phone for photos that were taken"


def test_whoever_goes_back_to_the_photos_is_at_them_again(visitor, stored):
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW, returned_at=NOW))
    visitor.get(f"{path}/continue")
    assert visitor.get(path).text("h1") == "¿Terminaste las fotos?"


@pytest.mark.parametrize("status", [Status.IN_REVIEW, Status.APPROVED, Status.REJECTED, Status.ABANDONED])
def test_what_gu1_says_ends_the_question(visitor, stored, status):
    page = visitor.get(stored(validation=adopted(status=status, session_id=SESSION, opened_at=NOW)))
    assert page.text("h1") != "¿Terminaste las fotos?"


def test_saying_so_twice_or_before_the_photos_changes_nothing(visitor, stored):
    path = stored(**stored_as(Stage.READY))
    fields = visitor.get(path).fields
    for _ in range(2):
        assert visitor.post(f"{path}/photos-done", fields).status == 303
    assert visitor.get(path).stage == Stage.READY


def test_after_the_photos_the_reference_is_at_hand(visitor, stored):
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW), capture="new-tab")
    page = visitor.get(f"/return?verificationSessionId={SESSION}")
    assert page.one("a", href=path)
    shown = page.text("p", **{"class": "reference"})
    assert visitor.get(path).text("span", translate="no") in shown
    nobodys = visitor.get("/return")
    assert not nobodys.all("p", **{"class": "reference"})
