from importlib import import_module

import pytest

from portal.config import USUAL_START_LIMITS, Config
from tests.documents import SECURITY, code_in, rows

UNITS = {"KiB": 1024, "MiB": 1024 * 1024}
SETTINGS = {str(it.validation_alias): it.default for it in Config.model_fields.values()} | {
    "PORTAL_STARTS_PER_ADDRESS": USUAL_START_LIMITS.address_hourly,
    "PORTAL_STARTS_PER_DOCUMENT": USUAL_START_LIMITS.document_daily,
    "PORTAL_STARTS_PER_DAY": USUAL_START_LIMITS.daily,
}


def limit(name):
    if name in SETTINGS:
        return SETTINGS[name]
    module, _, constant = name.rpartition(".")
    return getattr(import_module(module), constant)


def number_in(text):
    """In bytes if it is a size."""
    number, _, unit = text.partition(" ")
    return float(number.replace(",", "")) * UNITS.get(unit, 1)


@pytest.mark.asvs("2.1.3")
def test_documented_limits_are_those_of_the_code():
    documented = [(what, most, code_in(name)[0]) for what, most, _, name in rows(SECURITY, "## Limits", 0)]
    given = [it for it in documented if it[1][0].isdigit()]
    assert len(given) == len(documented) - 1, "each but what partners have set"
    assert [what for what, most, name in given if limit(name) != number_in(most)] == []
