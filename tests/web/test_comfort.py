"""What scripts and screen readers hold on to, and another language in the middle of the form."""

import pytest

from portal.domain.stage import Stage
from tests.page import APPLICANT
from tests.web.stages import SHOWN, stored_as


@pytest.mark.parametrize("stage", SHOWN)
def test_the_status_is_spoken_by_one_voice_only(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)))
    section = page.one("section", id="status")
    assert (section["role"], section["aria-live"]) == ("status", "off")
    said = page.one("p", id="said")
    assert said["aria-live"] == "polite"
    assert "role" not in said, "which Orca would say while it is empty"
    assert page.one("h1")["tabindex"] == "-1"


def test_live_regions_are_outside_of_what_is_swapped(visitor, stored):
    fragment = visitor.get(stored(**stored_as(SHOWN[0])) + "/status")
    assert not fragment.all("p", id="said")
    assert "data-offline" not in fragment.html


@pytest.mark.parametrize("path", ["/", "{details}"])
def test_another_language_keeps_what_was_typed(visitor, stored, count, path):
    path = path.format(details=stored(**stored_as(Stage.DETAILS)))
    before = count()
    typed = visitor.get(path).fields | APPLICANT | {"first_name": "<Ana>", "document_number": "1", "action": "language"}
    page = visitor.post(f"{path}?lang=pt-BR", typed)
    assert page.status == 200
    assert page.one("html")["lang"] == "pt-BR"
    assert page.one("input", id="first_name")["value"] == "<Ana>"
    assert page.one("input", id="document_number")["value"] == "1"
    assert "checked" in page.one("input", id="consent")
    assert page.one("form", method="post")["action"] == f"{path}?lang=pt-BR"
    assert not page.all("div", role="alert")
    assert count() == before


def test_language_links_hold_nothing_of_what_was_typed(visitor):
    page = visitor.post("/?lang=en", visitor.get("/").fields | APPLICANT | {"document_number": "1"})
    assert {it["href"] for it in page.all("a") if it.get("hreflang")} == {
        "?lang=es-AR",
        "?lang=es",
        "?lang=pt-BR",
        "?lang=en",
    }
