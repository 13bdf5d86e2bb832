"""The portal without the key that sealed an applicant's details: nothing but what needs them waits."""

import pytest
from sqlalchemy import text

from portal.store.encryption import ColumnCipher
from tests.databases import on_both_databases
from tests.page import APPLICANT
from tests.partners import partners_file
from tests.web.conftest import HOME, ONBOARDINGS

DETAILS = {name: APPLICANT[name] for name in ("country", "document_number", "first_name", "last_name")}


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def lost(create, connections):
    """An onboarding whose details a lost key sealed, with its answer at creation."""
    answer = create(applicant=DETAILS).json
    sealed = ColumnCipher(["a key that is lost"]).encrypt("{}")
    with connections.begin() as connection:
        connection.execute(text("UPDATE onboardings SET details_sealed = :sealed"), {"sealed": sealed})
    return answer


@on_both_databases
def test_partners_read_list_and_erase(lost, api, count):
    address = f"{ONBOARDINGS}/{lost['id']}"
    assert api("GET", address).status_code == 200
    assert [it["id"] for it in api("GET", ONBOARDINGS).json["onboardings"]] == [lost["id"]]
    assert api("DELETE", address).status_code == 200
    assert count("onboardings WHERE details_sealed IS NOT NULL") == 0


def test_page_that_needs_the_details_asks_to_come_back(lost, visitor):
    answer = visitor.get(lost["url"].removeprefix(HOME))
    assert answer.status == 503
