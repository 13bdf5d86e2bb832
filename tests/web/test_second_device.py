"""The code to go on with the phone, and what each device is told."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.services.phone_handover import LENGTH
from portal.web.applicant.second_device import qr_code
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.page import Page
from tests.web.conftest import HOME, query_of, token_in
from tests.web.stages import SHOWN, adopted, ready_again, stored_as

SESSION = "session-of-sixteen-or-more"
CAMERA_NEXT = {Stage.PREPARING, Stage.READY, Stage.WAITING, Stage.ABANDONED}
MOUSE = "part=status&pointer=fine"


def section(page):
    return page.one("section", id="status")


def classes(page):
    return {name for _, found in page.elements for name in (found.get("class") or "").split()}


@pytest.fixture
def handover(app):
    return app.extensions["portal"].phone_handover


@pytest.fixture
def onboarding_id_of(app):
    return lambda path: app.extensions["portal"].access_links.onboarding_id(token_in(path))


@pytest.fixture
def code(handover, onboardings, onboarding_id_of):
    """What a page's QR code holds now, behind the address."""
    return lambda path: handover.code(onboardings.get(onboarding_id_of(path)))


@pytest.fixture
def becomes(store, onboarding_id_of):
    def becomes(path, change):
        with store.locked(onboarding_id_of(path)) as row:
            row.save(change(row.onboarding))

    return becomes


@pytest.fixture
def scans(visitor):
    """A phone's browser that says whether its person goes there."""
    return lambda code, **options: visitor.get(f"/Q/{code}", **options)


@pytest.mark.parametrize(("asked", "kept"), [("", ""), ("?lang=pt-BR", ".PT-BR"), ("?lang=x", ""), ("?v=3", "")])
def test_the_code_holds_a_short_address_in_capitals(ask, stored, code, asked, kept):
    path = stored(**stored_as(Stage.READY))
    response = ask("GET", f"{path}/qr.svg{asked}")
    assert (response.status_code, response.mimetype) == (200, "image/svg+xml")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.data == qr_code(f"{HOME}/Q/{code(path)}{kept}".upper())


def test_the_code_of_a_usual_address_is_small_enough_for_a_bad_screen():
    svg = qr_code(f"HTTPS://VERIFICACION.EXAMPLE.COM/Q/{'A' * LENGTH}").decode()
    (squares,) = re.findall(r'viewBox="0 0 (\d+) ', svg)
    assert int(squares) <= 29 + 2 * 4


@pytest.mark.asvs("6.4.1")
@on_both_databases
def test_a_code_opens_the_page_once_and_the_next_one_again(visitor, stored, code, scans):
    path = stored(**stored_as(Stage.READY))
    visitor.get(f"{path}/qr.svg")
    first = code(path)
    assert scans(first).response.headers["Location"] == f"{path}?via=qr"
    again = scans(first)
    assert (again.status, again.text("h1")) == (410, "Este código ya no funciona")
    second = code(path)
    assert second != first
    assert scans(second).status == 303


def test_a_code_keeps_the_language_and_is_read_in_small_letters_too(stored, code, scans):
    path = stored(**stored_as(Stage.READY))
    assert query_of(scans(f"{code(path)}.PT-BR".lower()).response.headers["Location"]) == {
        "lang": "pt-BR",
        "via": "qr",
    }


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize("guess", ["0" * LENGTH, "A", "x" * 500, "%00", "....", "É" * LENGTH])
def test_a_guessed_code_looks_like_one_that_was_used(stored, code, scans, guess):
    path = stored(**stored_as(Stage.READY))
    used = code(path)
    scans(used)
    assert (scans(guess).status, scans(guess).text("main")) == (410, scans(used).text("main"))


@pytest.mark.parametrize("stage", [it for it in SHOWN if it not in CAMERA_NEXT])
def test_there_is_no_code_where_no_photos_are_to_be_taken(ask, stored, stage):
    assert b"<path" not in ask("GET", f"{stored(**stored_as(stage))}/qr.svg").data


@pytest.mark.asvs("6.4.1")
@pytest.mark.parametrize(
    "change",
    [
        lambda it: replace(it, stopped_at=NOW),
        lambda it: replace(it, erased_at=NOW),
        lambda it: replace(it, link_generation=1),
        lambda it: replace(it, link_expires_at=NOW - timedelta(minutes=1)),
        lambda it: replace(it, validation=replace(it.validation, status=Status.APPROVED)),
        lambda it: replace(it, validation=adopted(number=2)),
    ],
    ids=["stopped", "erased", "another link", "link expired", "verdict", "next attempt"],
)
def test_a_code_ends_with_the_photos_and_with_the_link(stored, code, scans, becomes, change):
    path = stored(**stored_as(Stage.READY))
    early = code(path)
    becomes(path, change)
    assert scans(early).status == 410


@pytest.mark.asvs("6.4.1", "7.3.1")
def test_a_code_ends_with_the_session(stored, code, scans, clock):
    path = stored(**stored_as(Stage.READY))
    late = code(path)
    clock.advance(days=8)
    assert scans(late).status == 410


@pytest.mark.parametrize(
    "headers", [{"User-Agent": "WhatsApp/2.23"}, {"Sec-Purpose": "prefetch"}, {"Sec-Fetch-Mode": "cors"}]
)
def test_whatever_looks_ahead_of_its_person_uses_no_code_up(stored, code, scans, ask, headers):
    path = stored(**stored_as(Stage.READY))
    first = code(path)
    answer = ask("GET", f"/Q/{first}", headers=headers)
    assert answer.status_code == 503 or 'property="og:image"' in answer.text
    assert scans(first).status == 303


def test_a_scanner_that_says_nothing_uses_no_code_up_and_an_older_browser_asks_its_person(ask, visitor, stored, code):
    path = stored(**stored_as(Stage.READY))
    first = code(path)
    for _ in range(3):
        asked = Page(ask("GET", f"/Q/{first}.pt-br"))
        assert asked.response.status_code == 200
        (form,) = asked.all("form")
        assert (form["action"], form["method"]) == (f"/Q/{first}.pt-br", "post")
    assert code(path) == first
    sent = visitor.post(form["action"])
    assert (sent.status, query_of(sent.response.headers["Location"])) == (303, {"lang": "pt-BR", "via": "qr"})
    assert visitor.post(form["action"]).status == 410
    assert ask("GET", f"/Q/{first}").status_code == 410


def test_another_site_cannot_use_a_code_up(ask, stored, code, scans):
    first = code(stored(**stored_as(Stage.READY)))
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask("POST", f"/Q/{first}", headers=sent).status_code == 403
    assert scans(first).status == 303


def test_a_script_cannot_use_a_code_up(ask, stored, code, scans):
    path = stored(**stored_as(Stage.READY))
    first = code(path)
    assert ask("POST", f"/Q/{first}", headers={"Sec-Fetch-Mode": "cors"}).status_code == 503
    assert scans(first).status == 303


@on_both_databases
@pytest.mark.parametrize(
    "change",
    [lambda it: it, lambda it: replace(it, link_generation=1), lambda it: replace(it, validation=adopted(number=2))],
    ids=["a phone came", "another link", "next attempt"],
)
def test_a_picture_that_was_overtaken_shows_the_code_that_works(app, stored, code, becomes, change):
    path, portal = stored(**stored_as(Stage.READY)), app.extensions["portal"]
    handover = portal.phone_handover
    early = portal.onboardings.get(portal.access_links.onboarding_id(token_in(path)))
    handover.join(code(path), early.id)
    becomes(path, change)
    shown = code(path)
    assert handover.code(early) == shown
    assert handover.find(shown).id == early.id


@pytest.mark.parametrize("stage", [Stage.READY, Stage.WAITING])
def test_the_computer_says_to_go_on_with_the_phone_while_that_works(visitor, stored, code, scans, stage):
    kept = {"validation": adopted(opened_at=NOW if stage is Stage.WAITING else None)}
    path = stored(**kept)
    before = visitor.get(path)
    scans(code(path))
    page, phone = visitor.get(path), visitor.get(f"{path}?via=qr")
    assert page.text("h1") == "Seguí en tu celular" != before.text("h1")
    assert phone.text("h1") == before.text("h1")
    (picture,) = page.all("img", class_="device__qr")
    assert picture["src"] != before.all("img", class_="device__qr")[0]["src"]
    assert page.one("a", href=f"{path}/continue")


def test_the_picture_has_another_address_for_each_attempt_and_phone(visitor, stored, code, becomes):
    path = stored(validation=adopted())
    changes = (
        lambda it: replace(it, phone_joined_at=NOW),
        lambda it: replace(it, phone_joined_at=NOW + timedelta(seconds=1)),
        lambda it: replace(it, validation=adopted(number=2)),
    )
    seen = []
    for number, change in enumerate((lambda it: it, *changes)):
        becomes(path, lambda it, do=change, later=number: replace(do(it), updated_at=NOW + timedelta(seconds=later)))
        seen.append(visitor.get(f"{path}?lang=en").all("img", class_="device__qr")[0]["src"])
        assert list(query_of(seen[-1])) == ["lang", "v"]
        assert visitor.get(seen[-1]).response.data == qr_code(f"{HOME}/Q/{code(path)}.en".upper())
    assert len(set(seen)) == len(seen)


def test_the_code_is_black_on_white_with_a_margin(visitor, stored):
    svg = qr_code("https://verify.example.com/o/token?via=qr").decode()
    (size,) = re.findall(r'viewBox="0 0 (\d+) \1"', svg)
    assert 'shape-rendering="crispEdges"' in svg
    assert f'fill="#fff" d="M0 0h{size}v{size}h-{size}z"' in svg
    assert 'stroke="#000" d="M4 4.5h7' in svg


@pytest.mark.parametrize(("token", "status"), [("nothing", 404), ("nothing.at-all", 404)])
def test_there_is_no_code_of_a_bad_link(ask, token, status):
    assert ask("GET", f"/o/{token}/qr.svg").status_code == status


def test_there_is_no_code_of_an_old_link(ask, stored, clock):
    path = stored(**stored_as(Stage.WAITING))
    clock.advance(days=31)
    assert ask("GET", f"{path}/qr.svg").status_code == 410


@pytest.mark.parametrize("stage", SHOWN)
def test_the_phone_is_offered_where_the_camera_comes_next(visitor, stored, stage):
    path = stored(**stored_as(stage))
    page = visitor.get(path)
    offered = {"device--mouse", "device--touch"} & classes(page)
    assert bool(offered) == (stage in CAMERA_NEXT - {Stage.WAITING}), "who came back from the photos needs no phone"
    codes = page.all("img", class_="device__qr")
    assert len(codes) == len(offered)
    assert all(it["src"].startswith(f"{path}/qr.svg?") and it["alt"] and it["loading"] == "lazy" for it in codes)
    assert all(it["value"] == HOME + path for it in page.all("input", type="text"))


def test_the_phone_is_offered_to_whoever_left_the_photos(visitor, stored):
    assert {"device--mouse", "device--touch"} <= classes(visitor.get(stored(validation=adopted(opened_at=NOW))))


@pytest.mark.parametrize("stage", SHOWN)
def test_the_phone_is_told_to_go_back_and_offered_nothing(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)) + "?via=qr")
    told = "device--back" in classes(page)
    assert told == (stage not in CAMERA_NEXT - {Stage.WAITING})
    assert not {"device--mouse", "device--touch"} & classes(page)


def test_each_address_remembers_the_phone(visitor, stored):
    path = stored(**stored_as(Stage.WAITING))
    page = visitor.get(f"{path}?via=qr")
    ours = [found.get("href") or found.get("action") or found.get("hx-get") or "" for _, found in page.elements]
    kept = [address for address in ours if address.startswith(("/o/", "?lang"))]
    assert len(kept) >= 8
    assert all(query_of(address)["via"] == "qr" for address in kept)


@pytest.mark.parametrize("via", ["", "QR", "qr2", "<script>", "qr%00"])
def test_other_ways_are_not_repeated(visitor, stored, via):
    page = visitor.get(stored(**stored_as(Stage.WAITING)) + f"?via={via}")
    assert "via=" not in page.html
    assert "device--back" not in classes(page)


@pytest.mark.parametrize("version", ["v=000000000000&", ""])
def test_with_a_mouse_the_hosted_page_is_not_opened_unasked(visitor, stored, version):
    path = stored(**ready_again())
    answer = visitor.get(f"{path}/status?{version}{MOUSE}")
    assert answer.leads_to is None
    assert section(answer)["data-stage"] == Stage.READY
    assert visitor.get(section(answer)["hx-get"] + "&pointer=fine").status == 204


@pytest.mark.parametrize(
    ("shown", "watched", "is_elsewhere"),
    [
        (-180, -40, True),
        (-180, -89, True),
        (-180, -91, False),
        (-180, -181, False),
        (-30, -30, False),
        (-180, None, False),
    ],
)
def test_whoever_comes_back_to_a_watched_page_may_go_back_to_it(visitor, stored, shown, watched, is_elsewhere):
    path = stored(
        validation=adopted(session_id=SESSION, opened_at=NOW + timedelta(seconds=shown)),
        watched_at=None if watched is None else NOW + timedelta(seconds=watched),
    )
    answer = visitor.get(f"/return?verificationSessionId={SESSION}")
    assert answer.response.headers["Location"] == (f"{path}?via=qr" if is_elsewhere else path)
