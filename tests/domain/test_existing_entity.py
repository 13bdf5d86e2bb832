import pytest

from portal.domain.comparable_numbers import is_shared
from portal.domain.existing_entity import ExistingEntity, conflict_between
from portal.domain.name_match import name_of
from portal.domain.onboarding import EntityConflict
from tests.factories import some_details

ANA, PEDRO = name_of("ANA MARÍA", "NÚÑEZ PAZ"), name_of("Pedro", "Gómez")


@pytest.mark.parametrize(
    ("facts", "is_same"),
    [
        ({"name": ANA}, True),
        ({"name": ANA, "country": None}, True),
        ({"name": None}, True),
        ({"name": PEDRO}, False),
        ({"name": ANA, "country": "CO"}, False),
        ({"name": None, "country": "CO"}, False),
        ({"name": ANA, "is_person": False}, False),
    ],
)
@pytest.mark.parametrize(
    ("number", "otherwise"), [("30111222", EntityConflict.ANOTHER_PERSON), ("7654321", EntityConflict.CUIL_NEEDED)]
)
def test_entity_of_another_country_or_name_conflicts(facts, is_same, number, otherwise):
    entity = ExistingEntity(**{"is_person": True, "country": "AR"} | facts)
    assert conflict_between(some_details(document_number=number), entity) is (None if is_same else otherwise)


@pytest.mark.parametrize(
    ("country", "number", "expected"),
    [
        ("AR", "7654321", True),
        ("AR", "09999999", True),
        ("AR", "10000000", False),
        ("AR", "20076543217", False),
        ("CO", "7654321", False),
    ],
)
def test_only_old_argentine_numbers_are_shared(country, number, expected):
    assert is_shared(country, number) is expected
