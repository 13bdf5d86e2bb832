"""The code to go on with the phone, and what each device is told."""

import re
from datetime import timedelta

import pytest

from portal.domain.stage import Stage
from portal.web.applicant.second_device import qr_code
from tests.factories import NOW
from tests.web.conftest import HOME, query_of
from tests.web.stages import SHOWN, adopted, ready_again, stored_as

SESSION = "session-of-sixteen-or-more"
CAMERA_NEXT = {Stage.PREPARING, Stage.READY, Stage.WAITING, Stage.ABANDONED}
MOUSE = "part=status&pointer=fine"


def section(page):
    return page.one("section", id="status")


def classes(page):
    return {name for _, found in page.elements for name in (found.get("class") or "").split()}


@pytest.mark.parametrize(
    ("asked", "kept"), [("", "?via=qr"), ("?lang=pt-BR", "?lang=pt-BR&via=qr"), ("?lang=x", "?via=qr")]
)
def test_the_code_holds_the_access_link(ask, stored, asked, kept):
    path = stored(**stored_as(Stage.READY))
    response = ask("GET", f"{path}/qr.svg{asked}")
    assert (response.status_code, response.mimetype) == (200, "image/svg+xml")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.data == qr_code(f"{HOME}{path}{kept}")


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
    assert bool(offered) == (stage in CAMERA_NEXT)
    codes = page.all("img", class_="device__qr")
    assert len(codes) == len(offered)
    assert all(it["src"] == f"{path}/qr.svg" and it["alt"] and it["loading"] == "lazy" for it in codes)
    assert all(it["value"] == HOME + path for it in page.all("input", type="text"))


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
        validation=adopted(session_id=SESSION, shown_at=NOW + timedelta(seconds=shown)),
        watched_at=None if watched is None else NOW + timedelta(seconds=watched),
    )
    answer = visitor.get(f"/return?verificationSessionId={SESSION}")
    assert answer.response.headers["Location"] == (f"{path}?via=qr" if is_elsewhere else path)
