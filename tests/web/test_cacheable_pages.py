"""Pages that are kept are those of Flask, and hold nothing of the person for whom they were made."""

import gc
import itertools
import re
import types
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta

import pytest

from portal.domain.locales import Locale
from portal.domain.onboarding import Details, Onboarding
from portal.domain.reference import reference_of
from portal.domain.stage import Stage
from portal.domain.validation import Validation
from portal.domain.waits import ENOUGH
from portal.services.measured_waits import MeasuredWaits
from portal.web.applicant.stage_view import StageView
from portal.web.context import Portal
from portal.web.response_cache import MOST_ANSWERS
from tests.factories import NOW, an_onboarding
from tests.partners import RETURN_URL, partners_file
from tests.web.both_ways import both_ways, step_of
from tests.web.stages import SHOWN, WAITED_FOR, stored_as
from tests.web.variants import VARIANTS

__all__ = ["both_ways"]

BROWSER = {"Accept": "text/html", "Accept-Encoding": "gzip", "Accept-Language": "es-AR", "User-Agent": "Firefox"}
INSTAGRAM = "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 Instagram 300.0"
WAYS = [
    ({}, ""),
    ({"Accept-Encoding": "identity"}, "lang=pt-BR"),
    ({"User-Agent": INSTAGRAM}, "via=qr"),
    ({}, "lang=en&via=qr"),
    ({"X-Camera": "none", "X-Pointer": "fine"}, "lang=es"),
]
WAITED_FOR_LONG = timedelta(minutes=70)
APPLICATION = (type, types.ModuleType, types.CodeType, types.BuiltinFunctionType, Portal)
UNIQUE = itertools.count()
OLD_VERSION = "v=1-00000000-never-es-AR&part=status"
PERSONAL = {"external_id", "known_as", "return_url", "state", "submission", "entity_id", "lost_entity_id"}


@pytest.fixture
def config(config, tmp_path):
    look = 'origins = ["https://shop.example"]\ncapture = "frame"\ncontact_url = "mailto:help@shop.example"'
    return config.model_copy(update={"partners_file": partners_file(tmp_path, shop=look)})


@pytest.fixture
def two_people(store, app):
    """Two onboardings that differ in everything personal, and in nothing else."""

    def two_people(**changes):
        found = []
        for _ in range(2):
            validation = changes["validation"] and replace(changes["validation"], **personal("gu1_id", "nonce"))
            found.append(
                store.add(an_onboarding(**changes | {"validation": validation, "id": f"person-{next(UNIQUE)}"}))
            )
        links = app.extensions["portal"].access_links
        return [(it, f"/o/{links.token(it)}") for it in found]

    return two_people


def personal(*names):
    return {name: f"planted-{name}-{next(UNIQUE)}" for name in names}


@pytest.mark.long
@pytest.mark.parametrize("name", VARIANTS)
def test_what_was_kept_for_one_person_is_for_another_what_flask_makes(clock, two_people, both_ways, name):
    variant = VARIANTS[name]
    clock.now = NOW + variant.age
    another_way = WAYS[1 + list(VARIANTS).index(name) % (len(WAYS) - 1)]
    for partner, (headers, query) in ((None, WAYS[0]), ("shop", another_way)):
        first, second = two_people(**{"partner": partner} | variant.changes())
        for address in ("{}?{}", "{}/status?{}" + ("&" if query else "") + OLD_VERSION):
            both_ways(path=address.format(first[1], query), headers=BROWSER | headers)
            was_asked, fast, full = both_ways(path=address.format(second[1], query), headers=BROWSER | headers)
            assert fast == full
            assert was_asked == ("status" in address and variant.stage is Stage.READY)


@pytest.mark.long
@pytest.mark.asvs("14.2.2")
@pytest.mark.parametrize("stage", SHOWN)
def test_nothing_personal_is_kept(app, clock, two_people, both_ways, stage):
    clock.now = NOW + timedelta(seconds=1, microseconds=123456)
    planted = personal("external_id", "known_as", "state", "submission", "entity_id", "document_digest")
    planted["return_url"] = f"{RETURN_URL}?planted={next(UNIQUE)}"
    kept = stored_as(stage) | planted | {"partner": "shop"}
    kept["validation"] = replace(kept["validation"], **personal("session_id"))
    for found, path in two_people(**kept):
        for address in (path, f"{path}/status?{OLD_VERSION}"):
            both_ways(path=address, headers=BROWSER)
        secrets = {*strings_in(found), path[3:], reference_of(found.id), str(int(found.updated_at.timestamp()))}
        texts = [text for answer in step_of(app)._answers.values() for text in answer._texts]
        assert texts
        assert not [it for it in secrets for text in texts if it.encode() in text]


def strings_in(value):
    """All that is stored of a person, besides words of ours."""
    if is_dataclass(value):
        return {it for field in fields(value) for it in strings_in(getattr(value, field.name))}
    is_own_word = not isinstance(value, str) or type(value) is not str or value in {"es-AR", "AR", "shop"}
    return set() if is_own_word else {value}


class Waits:
    """In place of what was measured."""

    def last_waits(self, keys, until, *, limit):
        seconds = 3 * 3600 if until > NOW else 60
        return {key: [seconds] * ENOUGH for key in keys}


@pytest.mark.parametrize("stage", [Stage.PREPARING, Stage.WAITING, Stage.CONFIRMING, Stage.IN_REVIEW])
def test_a_measured_wait_reaches_pages_that_are_open(app, clock, two_people, both_ways, stage):
    here = app.extensions["portal"]
    waits = MeasuredWaits(Waits(), ["AR"])
    app.extensions["portal"] = replace(here, waits=waits)
    (_found, path), _other = two_people(**stored_as(stage))
    told = []
    for minutes in (0, 1, 2, 15, 16):
        clock.now = NOW + timedelta(minutes=minutes)
        if minutes:
            waits.measure(clock.now)
        _was_asked, fast, full = both_ways(path=path, headers=BROWSER)
        assert fast == full
        poll = re.search(rb'hx-get="([^"]+)"', fast[2])[1].decode().replace("&amp;", "&")
        told.append(b"3 horas" in fast[2])
        for _ in range(2):
            _was_asked, fast, full = both_ways(path=poll, headers=BROWSER)
            assert fast == full
            assert fast[0] == "204 NO CONTENT"
    assert told == [False, False, False, True, True]


@pytest.mark.parametrize("stage", [Stage.WAITING, Stage.IN_REVIEW])
def test_a_wait_above_the_measured_one_is_called_unusual(app, clock, two_people, visitor, stage):
    waits = MeasuredWaits(Waits(), ["AR"])
    app.extensions["portal"] = replace(app.extensions["portal"], waits=waits)
    (_found, path), _other = two_people(**stored_as(stage))
    waits.measure(clock.now)
    told = []
    for minutes in (0, 60):
        clock.now = NOW + timedelta(minutes=minutes)
        told.append("This is taking longer than usual." in visitor.get(f"{path}?lang=en").text("main"))
    assert told == [False, True]


@pytest.mark.long
@pytest.mark.parametrize("after", SHOWN)
def test_a_page_asked_for_again_follows_what_happened_meanwhile(store, clock, two_people, both_ways, after):
    found, path = two_people(**stored_as(Stage.IN_REVIEW))[0]
    addresses = (path, f"{path}/status?{OLD_VERSION}")
    for address in addresses * 2:
        _was_asked, fast, full = both_ways(path=address, headers=BROWSER)
        assert fast == full
    with store.locked(found.id) as row:
        row.save(replace(row.onboarding, **stored_as(after)))
    for _ in range(3):
        for address in addresses:
            _was_asked, fast, full = both_ways(path=address, headers=BROWSER)
            assert fast == full
        clock.now += WAITED_FOR_LONG


@pytest.mark.asvs("14.2.2")
def test_of_a_persons_page_nothing_that_they_typed_stays_in_memory_and_the_oldest_is_forgotten(
    app, two_people, both_ways, monkeypatch
):
    monkeypatch.setattr("portal.web.applicant.cacheable_pages.MOST_KEPT", 3)
    kept = step_of(app)._recognisers["GET"][0].__self__._kept
    kept.clear()
    for _ in range(2):
        for _found, path in two_people(**stored_as(Stage.IN_REVIEW)):
            both_ways(path=path, headers=BROWSER)
    assert len(kept) == 3
    assert not {type(it) for it in reached_from(kept)} & {Onboarding, Details, Validation, StageView}


def reached_from(value, depth=8):
    """Whatever it refers to, without code and modules, and without the application."""
    found, seen = [value], set()
    for _ in range(depth):
        found = [it for it in gc.get_referents(*found) if id(it) not in seen and not isinstance(it, APPLICATION)]
        seen |= {id(it) for it in found}
        yield from found


@pytest.mark.long
def test_the_form_is_kept_for_each_language_and_browser(both_ways):
    browsers = [
        {},
        {"Accept-Encoding": "br"},
        {"User-Agent": INSTAGRAM},
        {"Accept-Language": "xx"},
        {"X-Camera": "none"},
    ]
    for headers, query in itertools.product(
        browsers, ["", "lang=en", "via=qr", "lang=es&via=qr", "country=BR", "lang=xx"]
    ):
        for _ in range(2):
            was_asked, fast, full = both_ways(path=f"/?{query}", headers=BROWSER | headers)
            assert fast == full
        assert was_asked == (query in {"country=BR", "lang=xx"})
    for request in ({"headers": {"HX-Request": "true"}}, {"headers": {"Host": "evil.example"}}, {"method": "HEAD"}):
        _was_asked, fast, full = both_ways(path="/", **request)
        assert fast == full


def test_each_form_gets_a_token_of_its_own(visitor):
    tokens = {visitor.get("/").fields["form_token"] for _ in range(3)}
    assert len(tokens) == 3
    assert visitor.begin()


@pytest.mark.long
def test_no_answer_outlives_its_release_and_the_oldest_is_forgotten(app, both_ways, two_people):
    here = app.extensions["portal"]
    for changed in range(MOST_ANSWERS + 2):
        app.extensions["portal"] = replace(here, release=f"{changed:08x}")
        assert both_ways(path="/healthz")[0] is True
        assert both_ways(path="/healthz")[0] is False
    assert len(step_of(app)._answers) == MOST_ANSWERS


@pytest.mark.parametrize("stage", [it for it in WAITED_FOR if it is not Stage.READY])
def test_every_language_is_kept_apart(two_people, both_ways, stage):
    for locale in Locale:
        first, second = two_people(**stored_as(stage), locale=locale)
        both_ways(path=first[1], headers=BROWSER)
        was_asked, fast, full = both_ways(path=second[1], headers=BROWSER)
        assert (was_asked, fast) == (False, full)
