import re
from itertools import product

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from portal.domain.reasons import MAY_NEED_A_PERSON, REMEDIES, Reason, Remedy
from portal.translations.update import HERE
from portal.web.applicant.reason_texts import text_of
from tests.web.stages import rejected


@pytest.fixture
def speaking():
    app = Flask(__name__)
    Babel(app, default_translation_directories=str(HERE))
    with app.test_request_context():
        yield force_locale


@pytest.mark.parametrize("locale", ["en", "es_AR", "es", "pt_BR"])
def test_every_reason_has_all_its_words(speaking, locale):
    with speaking(locale):
        for reason, country in product(Reason, ["AR", "BR", None]):
            text, case = text_of(reason, country), f"{reason} in {country}"
            assert str(text.title), case
            assert str(text.cause).endswith("."), case
            assert str(text.advice).endswith("."), case
            assert str(text.at_hand), case
            assert str(text.retry_label), case


def test_what_a_person_has_to_settle_is_not_to_be_tried_again(speaking):
    with speaking("en"):
        for reason in Reason:
            text, needs_a_person = text_of(reason), REMEDIES[reason] is Remedy.CONTACT
            assert ("person" in str(text.advice)) == (needs_a_person or reason in MAY_NEED_A_PERSON), reason
            assert ("reference" in str(text.at_hand)) == needs_a_person, reason


@pytest.mark.parametrize(
    ("locale", "photo", "card"),
    [
        ("en", "the photos did not show it clearly", "really shows X or nothing"),
        ("es_AR", "no se ve con claridad en las fotos", "realmente dice X o no dice nada"),
        ("es", "no se ve con claridad en las fotos", "realmente dice X o no dice nada"),
        ("pt_BR", "não aparece com clareza nas fotos", "realmente diz X ou não diz nada"),
    ],
)
def test_missing_gender_names_the_photo_and_the_card(speaking, locale, photo, card):
    with speaking(locale):
        cause = str(text_of(Reason.REGISTRY_GENDER_MISSING).cause)
    assert photo in cause and card in cause


@pytest.mark.parametrize("country", ["BR", "CL", None])
def test_a_registry_that_is_silent_abroad_is_not_argentinas(speaking, country):
    with speaking("en"):
        text = text_of(Reason.REGISTRY_UNAVAILABLE, country)
    assert not re.search("RENAPER|DNI", f"{text.title} {text.cause} {text.advice} {text.at_hand}")


@pytest.mark.parametrize(
    ("locale", "label"),
    [
        ("en", "Retry with your current ID"),
        ("es_AR", "Reintentar con tu DNI actual"),
        ("es", "Reintentar con tu documento vigente"),
        ("pt_BR", "Tentar de novo com seu documento atual"),
    ],
)
def test_an_outdated_card_is_retried_with_the_current_one(speaking, locale, label):
    with speaking(locale):
        assert str(text_of(Reason.REGISTRY_CARD_OUTDATED).retry_label) == label


def test_an_outdated_card_is_explained(speaking):
    with speaking("es_AR"):
        text = text_of(Reason.REGISTRY_CARD_OUTDATED)
        said = f"{text.cause} {text.advice}"
    for word in ("RENAPER", "número de trámite", "ejemplares anteriores", "vencidos", "reemplazados", "DNI más nuevo"):
        assert word in said
    assert text.shows_card


@pytest.mark.parametrize(
    "reason", [Reason.REGISTRY_CARD_OUTDATED, Reason.DOCUMENT_EXPIRED, Reason.DOCUMENT_AUTHENTICITY]
)
def test_in_argentina_a_rejected_document_is_told_from_its_picture_and_where_a_new_one_is_made(visitor, stored, reason):
    page = visitor.get(stored(validation=rejected(reason), country="AR"))
    assert "es válido para otros trámites, pero acá hay que fotografiar la tarjeta" in page.text("main")
    assert page.one("a", href="https://www.argentina.gob.ar/interior/dni")


@pytest.mark.parametrize("reason", Reason)
def test_elsewhere_no_rejection_speaks_of_an_argentine_app_or_office(visitor, stored, reason):
    if not reason.startswith("registry_"):
        words = visitor.get(stored(validation=rejected(reason), country="BR")).text("main")
        assert "Mi Argentina" not in words and "Registro Civil" not in words


def test_sentence_button_and_drawing_are_in_sight_and_the_rest_is_folded(visitor, stored):
    page = visitor.get(stored(validation=rejected(Reason.REGISTRY_CARD_OUTDATED)))
    folded = page.text("details", **{"class": "more"})
    assert "Cada DNI tiene su propio número de trámite" in folded
    assert "Probá de nuevo con el DNI más nuevo" not in folded
    assert page.one("form", class_="action action--sticky")


def test_not_eligible_gives_nobody_a_hint(speaking):
    with speaking("en"):
        text = text_of(Reason.NOT_ELIGIBLE)
        said = f"{text.title} {text.cause} {text.advice}".lower()
    assert not [word for word in ("fraud", "list", "duplicate", "risk", "device", "document", "face") if word in said]


def test_no_text_uses_the_jargon_of_providers(speaking):
    with speaking("en"):
        said = " ".join(
            f"{text_of(reason).title} {text_of(reason).cause} {text_of(reason).advice}" for reason in Reason
        ).lower()
    assert not [word for word in ("gu1", "didit", "kyc", "liveness", "session") if word in said]
