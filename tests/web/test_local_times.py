"""Times in the zone of the country, for whoever's own nobody knows."""

from datetime import UTC, datetime

import pytest

from portal.domain.locales import Locale
from portal.web.countries import COUNTRY_NAMES, OTHER
from portal.web.local_times import local_time, zone_name

NEW_YEAR = datetime(2027, 1, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "country", "written"),
    [
        (Locale.ES_AR, None, "31 de diciembre de 2026, 22:30"),
        (Locale.PT_BR, None, "31 de dezembro de 2026, 22:30"),
        (Locale.ES, None, "1 de enero de 2027, 01:30"),
        (Locale.EN, None, "January 1, 2027, 1:30\u202fAM"),
        (Locale.ES_AR, "CO", "31 de diciembre de 2026, 20:30"),
        (Locale.ES_AR, "DE", "1 de enero de 2027, 01:30"),
    ],
)
def test_country_decides_and_else_the_languages(locale, country, written):
    assert local_time(NEW_YEAR, locale, country) == written


def test_summer_time_counts():
    summer, winter = (local_time(datetime(2027, month, 10, 12, 0, tzinfo=UTC), Locale.ES, "CL") for month in (1, 7))
    assert (summer[-5:], winter[-5:]) == ("09:00", "08:00")


@pytest.mark.parametrize("country", sorted(set(COUNTRY_NAMES) - {OTHER}))
def test_every_listed_country_has_a_zone_with_a_name(app, country):
    with app.test_request_context("/?lang=es"):
        assert zone_name(Locale.ES, country).startswith("hora de ")
        assert local_time(NEW_YEAR, Locale.ES, country) != local_time(NEW_YEAR, Locale.ES)
