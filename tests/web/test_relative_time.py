from datetime import timedelta, timezone

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from portal.translations.update import HERE
from portal.web.applicant.relative_time import relative_time
from tests.factories import NOW


def in_(**time):
    return relative_time(NOW + timedelta(**time), NOW)


@pytest.mark.parametrize(("seconds", "minutes"), [(1, 1), (59, 1), (60, 1), (61, 2), (120, 2), (600, 10), (4320, 72)])
def test_minutes_that_have_begun_count(seconds, minutes):
    assert in_(seconds=seconds).minutes == minutes


@pytest.mark.parametrize("at", [None, NOW, NOW - timedelta(days=1)])
def test_what_is_not_to_come_is_not_soon(at):
    assert relative_time(at, NOW) is None


def test_the_moment_is_told_in_utc():
    local = (NOW + timedelta(minutes=5, microseconds=7)).astimezone(timezone(timedelta(hours=-3)))
    assert relative_time(local, NOW).iso == "2026-03-02T12:05:00Z"


@pytest.mark.parametrize(
    ("seconds", "unchanged"),
    [(1, 1), (60, 60), (61, 1), (599, 59), (5400, 60), (5401, 1), (7200, 1800), (7201, 1), (21600, 3600)],
)
def test_its_words_hold_until_the_next_minute(seconds, unchanged):
    assert in_(seconds=seconds).seconds_unchanged(NOW) == unchanged


@pytest.mark.parametrize(
    ("locale", "less", "more", "hours"),
    [
        ("en", "in less than a minute", "in about 5 minutes", "in about 6 hours"),
        ("es_AR", "en menos de un minuto", "en unos 5 minutos", "en unas 6 horas"),
        ("es", "en menos de un minuto", "en unos 5 minutos", "en unas 6 horas"),
        ("pt_BR", "em menos de um minuto", "em cerca de 5 minutos", "em cerca de 6 horas"),
    ],
)
def test_it_is_said_in_each_language(locale, less, more, hours):
    app = Flask(__name__)
    Babel(app, default_translation_directories=str(HERE))
    with app.test_request_context(), force_locale(locale):
        assert (in_(seconds=30).words, in_(minutes=5).words, in_(hours=6).words) == (less, more, hours)
