"""The three ways in which the hosted page opens."""

import pytest

from portal.app import create_app
from portal.domain.onboarding import StallReason
from portal.domain.stage import Stage
from tests.factories import NOW
from tests.web.stages import FINAL, SESSION_URL, SHOWN, WAITED_FOR, adopted, ready_again, stored_as

SESSION = "session-of-sixteen-or-more"
IN_FRAME, ON_TOP = {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "document"}
OPENABLE = [Stage.READY, Stage.WAITING, Stage.ABANDONED]


@pytest.fixture
def capture(request):
    return getattr(request, "param", "redirect")


@pytest.fixture
def hosts():
    return ("verify.example.com",)


@pytest.fixture
def config(config, capture, hosts):
    return config.model_copy(update={"capture": capture, "gu1_provider_hosts": hosts})


def captured(*ways):
    return pytest.mark.parametrize("capture", ways, indirect=True)


def policies(answer):
    return (
        dict(it.split(" ", 1) for it in answer.response.headers["Content-Security-Policy"].split("; ")),
        answer.response.headers["Permissions-Policy"],
    )


def came_back(visitor, stored, headers):
    path = stored(validation=adopted(session_id=SESSION, opened_at=NOW))
    return path, visitor.get(f"/return?verificationSessionId={SESSION}&status=Approved", headers=headers)


@captured("redirect")
@pytest.mark.parametrize("stage", OPENABLE)
def test_in_place_of_ours_it_opens_in_this_tab(visitor, stored, stage):
    path = stored(**stored_as(stage))
    assert "target" not in visitor.get(path).one("a", href=f"{path}/continue")


@captured("new-tab", "frame")
@pytest.mark.parametrize("stage", OPENABLE)
def test_elsewhere_it_opens_in_another_tab_that_has_no_hold_on_ours(visitor, stored, stage):
    path = stored(**stored_as(stage))
    link = visitor.get(path).one("a", href=f"{path}/continue")
    assert (link["target"], link["rel"]) == ("_blank", "noopener")


@captured("new-tab", "frame")
def test_no_poll_leaves_the_page(visitor, stored):
    path = stored(**ready_again())
    answer = visitor.get(f"{path}/status?part=status")
    assert answer.leads_to is None
    assert visitor.get(answer.one("section", id="status")["hx-get"]).status == 204


@captured("frame")
@pytest.mark.parametrize("stage", SHOWN)
def test_the_frame_is_there_while_there_is_something_to_open(visitor, stored, stage):
    path = stored(**stored_as(stage))
    for page in (visitor.get(path), visitor.get(f"{path}/status?v=0&part=status")):
        frames = page.all("iframe")
        assert len(frames) == (stage in OPENABLE)
        assert all(it["src"] == f"{path}/continue" and it["title"] for it in frames)
        assert all("camera *; microphone *" in it["allow"] for it in frames)


@captured("redirect", "new-tab")
@pytest.mark.parametrize("stage", SHOWN)
def test_without_the_frame_nothing_may_be_framed(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)))
    directives, permissions = policies(page)
    assert not page.all("iframe")
    assert "frame-src" not in directives
    assert "camera=(), microphone=()" in permissions


@captured("frame")
@pytest.mark.parametrize(
    ("hosts", "sources", "camera"),
    [
        (("verify.didit.me",), "'self' https://verify.didit.me:*", '(self "https://verify.didit.me")'),
        (
            (".example.com", "verify.didit.me"),
            "'self' https://*.example.com:* https://verify.didit.me:*",
            '(self "https://*.example.com" "https://verify.didit.me")',
        ),
        (("127.0.0.1",), "'self' https://127.0.0.1:* http://127.0.0.1:*", "*"),
        (
            ("*",),
            "'self' https://127.0.0.1:* http://127.0.0.1:* https://localhost:* http://localhost:* "
            "https://*.localhost:* http://*.localhost:*",
            "*",
        ),
    ],
)
def test_only_the_provider_may_be_framed_and_have_the_camera(visitor, stored, sources, camera):
    page = visitor.get(stored(validation=adopted(opened_at=NOW)))
    directives, permissions = policies(page)
    assert directives["frame-src"] == sources
    assert directives["frame-ancestors"] == "'none'"
    assert permissions.startswith(f"camera={camera}, microphone={camera}, geolocation=()")


@captured("frame")
@pytest.mark.parametrize("stage", SHOWN)
def test_the_frame_is_allowed_before_it_comes_and_not_after(visitor, stored, stage):
    directives, _ = policies(visitor.get(stored(**stored_as(stage))))
    assert ("frame-src" in directives) == (stage in WAITED_FOR)
    assert (stage in WAITED_FOR) != (stage in FINAL)


@captured("redirect")
@pytest.mark.parametrize("headers", [{}, IN_FRAME, ON_TOP])
def test_coming_back_in_place_of_ours_leads_to_the_status(visitor, stored, headers):
    path, answer = came_back(visitor, stored, headers)
    assert (answer.status, answer.response.headers["Location"]) == (303, path)


@captured("new-tab")
@pytest.mark.parametrize("headers", [{}, ON_TOP])
def test_coming_back_in_another_tab_says_that_it_may_be_closed(visitor, stored, headers):
    path, answer = came_back(visitor, stored, headers)
    assert answer.status == 200
    assert answer.one("a", href=path)
    assert policies(answer)[0]["frame-ancestors"] == "'none'"


@captured("frame")
@pytest.mark.parametrize("headers", [{}, IN_FRAME])
def test_coming_back_in_the_frame_shows_a_few_words_and_no_portal(visitor, stored, headers):
    path, answer = came_back(visitor, stored, headers)
    assert answer.status == 200
    assert policies(answer)[0]["frame-ancestors"] == "'self'"
    assert answer.response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert [it["href"] for it in answer.all("a")] == ([] if headers else [path])
    assert all(it["target"] == "_top" for it in answer.all("a"))
    assert not answer.all("script") and not answer.all("section", id="status")


@captured("frame")
def test_coming_back_past_the_frame_shows_the_way(visitor, stored):
    path, answer = came_back(visitor, stored, ON_TOP)
    assert answer.one("a", href=path)
    assert answer.response.headers["X-Frame-Options"] == "DENY"


@captured("new-tab", "frame")
@pytest.mark.parametrize("headers", [IN_FRAME, ON_TOP])
def test_whoever_is_not_known_comes_back_to_a_page_as_well(visitor, headers):
    answer = visitor.get("/return?verificationSessionId=an-unknown-session-id", headers=headers)
    assert answer.status == 200
    assert "/o/" not in answer.html


@captured("frame")
@pytest.mark.parametrize(("headers", "is_nested"), [(IN_FRAME, True), (ON_TOP, False)])
def test_where_nothing_is_to_be_opened_the_frame_holds_no_second_portal(visitor, stored, headers, is_nested):
    path = stored(**stored_as(Stage.APPROVED))
    answer = visitor.get(f"{path}/continue", headers=headers)
    assert answer.response.headers["Location"] == ("/return" if is_nested else path)


@captured("frame")
def test_the_frame_opens_the_one_adopted_session(visitor, stored):
    path = stored(**stored_as(Stage.READY))
    assert visitor.get(f"{path}/continue", headers=IN_FRAME).response.headers["Location"] == SESSION_URL
    assert "verify.example.com/session" not in visitor.get(path).html


@captured("frame")
def test_an_odd_address_is_not_framed(visitor, stored):
    path = stored(validation=adopted(session_url=None), stall_reason=StallReason.HOSTED_PAGE_REFUSED)
    assert not visitor.get(path).all("iframe")


@pytest.mark.parametrize("capture", ["redirect", "new-tab", "frame"])
def test_a_form_is_framed_by_nobody_and_frames_nobody(config, capture):
    client = create_app(config.model_copy(update={"capture": capture})).test_client()
    policy = client.get("/", base_url=config.base_url).headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "frame-src" not in policy
