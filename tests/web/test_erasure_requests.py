"""Whoever came without a partner asks for the own data to be erased, and an operator confirms it."""

from pathlib import Path

import pytest

from portal.domain.stage import Stage
from portal.services.operator_actions import Operator
from portal.services.problems import Problem, ProblemKind
from tests.partners import partners_file
from tests.web.conftest import ONBOARDINGS
from tests.web.stages import stored_as


@pytest.fixture
def desk(app):
    return app.extensions["portal"].operator_actions


@pytest.fixture
def path(visitor, work):
    started = visitor.send_form().response.location
    work()
    return started


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


def listed(desk):
    return [it.kind for it in desk.list_problems(Problem.ERASURE, limit=10)]


def test_person_asks_and_operator_confirms(visitor, path, desk, onboardings):
    page = visitor.get(path)
    assert page.all("a", href=f"{path}/erasure")
    assert visitor.get(f"{path}/erasure").text("h1") == "Pedir que se borren tus datos"
    assert listed(desk) == []
    visitor.post(f"{path}/erasure", visitor.get(f"{path}/erasure").fields)
    asked = visitor.get(f"{path}/erasure")
    assert asked.text("h1") == "Pediste que se borren tus datos"
    assert not asked.all("form", action=f"{path}/erasure")
    (found,) = desk.list_problems(Problem.ERASURE, limit=10)
    assert found.kind is ProblemKind.ASKED
    assert visitor.get(path).text("a", href=f"{path}/erasure") == "Pediste que se borren tus datos"
    # Nothing is erased until somebody looked at it.
    assert visitor.get(path).status == 200
    desk.erase(found.onboarding_id, Operator("ana", "asked for it"))
    assert listed(desk) == []
    assert visitor.get(path).status == 410
    actions = [(it.actor, it.action) for it in desk.show(found.onboarding_id).history]
    assert ("applicant", "erasure_asked") in actions
    assert actions[-1][0] == "operator"


def test_details_that_are_asked_for_again_offer_it_too(visitor, stored):
    offered = stored(**stored_as(Stage.DETAILS))
    assert visitor.get(offered).all("a", href=f"{offered}/erasure")
    assert visitor.get(f"{offered}/erasure").status == 200
    assert not visitor.get("/").all("p", **{"class": "again"})


def test_asking_again_changes_nothing(visitor, path, desk):
    fields = visitor.get(f"{path}/erasure").fields
    for _ in range(2):
        assert visitor.post(f"{path}/erasure", fields).status == 303
    assert "portal_erasures_asked_total 1.0" in visitor.get("/metrics").response.text
    assert len(listed(desk)) == 1


def test_partners_customer_asks_the_partner(visitor, stored):
    path = stored(partner="shop", external_id="c-7")
    assert not visitor.get(path).all("a", href=f"{path}/erasure")
    assert visitor.get(f"{path}/erasure").response.location == path


def test_privacy_notice_names_it_to_those_without_a_partner(visitor):
    assert "Pedir que se borren tus datos" in visitor.get("/privacy").html
    assert "Pedir que se borren tus datos" not in visitor.get("/privacy?partner=shop").html


@pytest.mark.own_database_file
def test_after_an_erase_neither_file_nor_log_of_sqlite_holds_anything(api, config):
    created = api("POST", ONBOARDINGS, {"external_id": "planted-customer", "metadata": {"note": "planted-note"}})
    file = Path(config.database.database)
    kept = b"".join(it.read_bytes() for it in file.parent.glob(f"{file.name}*"))
    assert b"planted-note" in kept
    assert b"planted-customer" in kept
    assert api("DELETE", f"{ONBOARDINGS}/{created.json['id']}").status_code == 200
    left = b"".join(it.read_bytes() for it in file.parent.glob(f"{file.name}*"))
    assert b"planted" not in left
