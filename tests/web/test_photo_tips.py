"""The page before the photos: tips for the very document, and who goes on without them."""

import pytest

from portal.domain.correction import Correction
from portal.domain.stage import Stage
from tests.partners import partners_file
from tests.web.stages import ready_again, stored_as


@pytest.fixture
def wanted(request):
    return getattr(request, "param", (False, ""))


@pytest.fixture
def config(config, tmp_path, wanted):
    setting, partner = wanted
    file = partners_file(tmp_path, shop=partner)
    return config.model_copy(update={"auto_continue": setting, "partners_file": file})


def goes_on(visitor, path):
    return visitor.get(f"{path}/status?part=status").leads_to == f"{path}/continue"


@pytest.mark.parametrize(
    ("country", "document"),
    [
        ("AR", "DNI"),
        ("BR", "CNH"),
        ("CL", "cédula"),
        ("CO", "cédula"),
        ("MX", "INE"),
        ("PE", "DNI"),
        ("UY", "cédula"),
        ("BO", "pasaporte"),
    ],
)
def test_tips_name_the_document_of_the_country(visitor, stored, country, document):
    page = visitor.get(stored(**stored_as(Stage.READY), country=country))
    assert len(page.all("svg", class_="tips__art")) == 3
    assert document in page.text("main")


@pytest.mark.parametrize("stage", [it for it in Stage if it not in {Stage.READY, Stage.DETAILS}])
def test_only_the_page_before_the_photos_has_tips(visitor, stored, stage):
    assert not visitor.get(stored(**stored_as(stage))).all("svg", class_="tips__art")


def test_provider_is_named_with_its_domain(visitor, stored):
    assert "Se abre verify.example.com" in visitor.get(stored(**stored_as(Stage.READY))).text("main")


def test_first_attempt_stops_and_a_retry_goes_straight_on(visitor, stored):
    assert not goes_on(visitor, stored(**stored_as(Stage.READY)))
    assert goes_on(visitor, stored(**ready_again()))


def test_page_that_stays_is_polled_without_being_made_again(visitor, stored):
    page = visitor.get(stored(**stored_as(Stage.READY)))
    assert visitor.get(page.one("section", id="status")["hx-get"]).status == 204


def test_photos_that_are_needed_again_are_explained_first(visitor, stored):
    assert not goes_on(visitor, stored(**ready_again(), correction=Correction.REPLACED, set_aside=1))


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ((False, ""), False),
        ((True, ""), True),
        ((False, "auto_continue = true"), True),
        ((True, "auto_continue = false"), False),
    ],
    indirect=["wanted"],
)
def test_operator_and_partner_can_have_phones_go_on_by_themselves(visitor, stored, wanted, goes):
    assert goes_on(visitor, stored(**stored_as(Stage.READY), partner="shop")) == goes
