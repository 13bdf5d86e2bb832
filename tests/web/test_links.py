import time
from urllib.parse import quote

import pytest

from portal.domain.stage import Stage
from portal.web.links import AccessLinks, BadLink, ExpiredLink, FormToken, FormTokens, MailKeys, StaleForm
from tests.factories import NOW, an_onboarding
from tests.web.conftest import token_in
from tests.web.stages import stored_as

KEYS = ("k" * 32,)
OLDER = ("new" * 12, *KEYS)


@pytest.fixture
def links(clock):
    return AccessLinks(KEYS, clock)


@pytest.fixture
def tokens(clock):
    return FormTokens(KEYS, "2026-01", clock)


def test_a_link_leads_to_its_onboarding(links):
    onboarding = an_onboarding()
    assert links.onboarding_id(links.token(onboarding)) == onboarding.id


def test_a_link_stays_the_same_link(links, clock):
    onboarding = an_onboarding()
    first = links.token(onboarding)
    clock.advance(days=3)
    assert links.token(onboarding) == first


@pytest.mark.asvs("9.1.1")
def test_a_changed_link_opens_nothing(links):
    token = links.token(an_onboarding())
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(BadLink):
            links.onboarding_id(changed)


@pytest.mark.asvs("1.1.1", "9.1.2")
def test_a_token_has_one_spelling(links, tokens):
    """base64 ignores foreign characters and padding, and the last character has bits that do not count."""
    link, form = links.token(an_onboarding()), tokens.issue("direct")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for ending in ("~~", "=", "==", "====", " ", "\n", "A", ".", "%3D", "\u00e9", "+", "/"):
        with pytest.raises(BadLink):
            links.onboarding_id(link + ending)
        with pytest.raises(StaleForm):
            tokens.read(form + ending, "direct")
    for token, read, refusal in (
        (link, links.onboarding_id, BadLink),
        (form, lambda it: tokens.read(it, "direct"), StaleForm),
    ):
        for other in set(last) - {token[-1]}:
            with pytest.raises(refusal):
                read(token[:-1] + other)
        for place in range(len(token)):
            with pytest.raises(refusal):
                read(token[:place] + "~" + token[place:])


@pytest.mark.asvs("9.1.1")
def test_a_shortened_link_opens_nothing(links):
    token = links.token(an_onboarding())
    for length in range(len(token)):
        with pytest.raises(BadLink):
            links.onboarding_id(token[:length])


@pytest.mark.asvs("6.3.1", "7.2.1", "9.2.3")
@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "ñ.ñ", "\x00", "\ud800", "." * 5000, "WzEsMl0", "eyJhIjoxfQ.x"]
)
def test_made_up_links_open_nothing(links, tokens, token):
    with pytest.raises(BadLink):
        links.onboarding_id(token)
    with pytest.raises(StaleForm):
        tokens.read(token, "direct")


@pytest.mark.asvs("7.3.2", "9.2.1")
def test_a_link_lives_thirty_days_and_a_little(links, clock):
    onboarding = an_onboarding(created_at=NOW)
    token = links.token(onboarding)
    clock.advance(days=30, seconds=119)
    assert links.onboarding_id(token) == onboarding.id
    clock.advance(seconds=2)
    with pytest.raises(ExpiredLink):
        links.onboarding_id(token)


@pytest.mark.asvs("9.1.3")
def test_an_older_key_still_opens(links, clock):
    onboarding = an_onboarding()
    old = links.token(onboarding)
    assert AccessLinks(OLDER, clock).onboarding_id(old) == onboarding.id
    assert AccessLinks(OLDER, clock).token(onboarding) != old


def test_the_first_key_signs(clock):
    onboarding = an_onboarding()
    token = AccessLinks(OLDER, clock).token(onboarding)
    assert AccessLinks(OLDER[:1], clock).onboarding_id(token) == onboarding.id


@pytest.mark.asvs("7.4.5", "9.1.3")
def test_a_dropped_key_opens_nothing(links, clock):
    with pytest.raises(BadLink):
        AccessLinks(OLDER[:1], clock).onboarding_id(links.token(an_onboarding()))


@pytest.mark.asvs("9.2.3", "9.2.4")
def test_a_form_token_is_good_for_its_form_only(tokens):
    token = tokens.issue("direct")
    assert isinstance(tokens.read(token, "direct"), FormToken)
    with pytest.raises(StaleForm):
        tokens.read(token, "onboarding-1")


def test_a_form_token_keeps_the_version_that_was_shown(tokens, clock):
    token = tokens.issue("direct")
    assert FormTokens(KEYS, "2026-02", clock).read(token, "direct").consent_version == "2026-01"


@pytest.mark.asvs("9.2.2")
def test_links_and_form_tokens_do_not_stand_in_for_each_other(links, tokens):
    onboarding = an_onboarding()
    with pytest.raises(StaleForm):
        tokens.read(links.token(onboarding), onboarding.id)
    with pytest.raises(BadLink):
        links.onboarding_id(tokens.issue(onboarding.id))


@pytest.mark.asvs("9.2.2")
def test_what_another_purpose_signed_is_good_for_nothing_though_it_holds_the_same(links, tokens):
    mails, onboarding = MailKeys(KEYS), an_onboarding()
    genuine = {links: links.token(onboarding), tokens: tokens.issue("direct"), mails: mails.key(onboarding.id)}
    for owner, token in genuine.items():
        assert owner._signed.has_signed(token)
        held = owner._signed.loads(token)
        others = [it._signed for it in genuine if it is not owner]
        assert not any(owner._signed.has_signed(other.dumps(held)) for other in others)


def test_form_tokens_survive_a_change_of_keys(tokens, clock):
    assert FormTokens(OLDER, "2026-01", clock).read(tokens.issue("direct"), "direct")
    with pytest.raises(StaleForm):
        FormTokens(OLDER[:1], "2026-01", clock).read(tokens.issue("direct"), "direct")


@pytest.mark.parametrize("under", ["", "/status", "/continue"])
def test_pages_say_which_links_are_no_good(visitor, stored, clock, under):
    path = stored(**stored_as(Stage.WAITING))
    changed = path[:-5] + ("AAAAA" if not path.endswith("AAAAA") else "BBBBB")
    assert visitor.get(changed + under).status == 404
    clock.advance(days=31)
    assert visitor.get(path + under).status == 410


@pytest.mark.parametrize("under", ["", "/retry", "/stop"])
def test_nothing_is_posted_under_links_that_are_no_good(visitor, stored, clock, under):
    path = stored(**stored_as(Stage.WAITING))
    fields = visitor.get(path).fields
    assert visitor.post(f"{path[:-5]}AAAAA{under}", fields).status == 404
    clock.advance(days=31)
    assert visitor.post(path + under, fields).status == 410


def test_a_true_link_to_nothing_is_not_found(visitor, app):
    token = app.extensions["portal"].access_links.token(an_onboarding())
    assert visitor.get(f"/o/{token}").status == 404


@pytest.mark.asvs("14.2.1")
def test_a_link_says_nothing_of_the_person(visitor):
    assert len(token_in(visitor.begin())) < 120
    assert visitor.begin() != visitor.begin()


BEHIND = [*".),>;!?*_-/ \n\u201d\u2026\u00a0", "\r\n", ").", ">>", " Gracias"]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("under", ["", "/"])
def test_signs_behind_a_link_lead_on(ask, stored, behind, under):
    path = stored(**stored_as(Stage.WAITING))
    answer = ask("GET", quote(f"{path}{under}{behind}") + "?via=qr")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?via=qr")


@pytest.mark.parametrize("broken_by", ["\n", "\r\n", " ", "=\r\n", "\u00ad", "\u200b", "\n  "])
@pytest.mark.parametrize("at", [1, 20, -5])
def test_a_link_in_several_lines_leads_on(ask, stored, broken_by, at):
    path = stored(**stored_as(Stage.WAITING))
    token = path[3:]
    answer = ask("GET", quote(f"/o/{token[:at]}{broken_by}{token[at:]}"))
    assert (answer.status_code, answer.headers["Location"]) == (303, path)


@pytest.mark.parametrize("behind", [".", ")", "%20", "%0A", ").", ">"])
def test_signs_behind_the_first_address_lead_on(ask, behind):
    answer = ask("GET", f"/{behind}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("token", ["nothing).", "." * 400, "A." * 300, "-" * 500, "a.b" + "_" * 400])
def test_what_was_never_a_link_of_ours_leads_nowhere_and_takes_no_time(ask, token):
    began = time.perf_counter()
    assert ask("GET", f"/o/{token}").status_code == 404
    assert time.perf_counter() - began < 0.5


def test_a_mended_link_is_for_pages_only(ask, stored):
    path = stored(**stored_as(Stage.WAITING))
    assert ask("POST", f"{path})", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404
    assert ask("GET", f"{path})/status", headers={"Accept": "application/json"}).status_code == 404
