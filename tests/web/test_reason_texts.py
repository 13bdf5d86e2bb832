import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from portal.domain.reasons import REMEDIES, Reason, Remedy
from portal.translations.update import HERE
from portal.web.reason_texts import text_of


@pytest.fixture
def speaking():
    app = Flask(__name__)
    Babel(app, default_translation_directories=str(HERE))
    with app.test_request_context():
        yield force_locale


@pytest.mark.parametrize("locale", ["en", "es_AR", "es", "pt_BR"])
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_title_and_advice(speaking, reason, locale):
    with speaking(locale):
        text = text_of(reason)
        assert str(text.title)
        assert str(text.advice).endswith(".")
        assert str(text.retry_label)


@pytest.mark.parametrize("reason", Reason)
def test_only_what_can_be_retried_asks_for_things_at_hand(reason):
    assert (text_of(reason).at_hand is None) == (REMEDIES[reason] is Remedy.CONTACT)


@pytest.mark.parametrize(
    ("locale", "label"),
    [
        ("en", "Retry with your current ID"),
        ("es_AR", "Reintentar con tu DNI actual"),
        ("es", "Reintentar con su documento vigente"),
        ("pt_BR", "Tentar de novo com seu documento atual"),
    ],
)
def test_an_outdated_card_is_retried_with_the_current_one(speaking, locale, label):
    with speaking(locale):
        assert str(text_of(Reason.REGISTRY_CARD_OUTDATED).retry_label) == label


def test_an_outdated_card_names_registry_and_card_number(speaking):
    with speaking("es_AR"):
        advice = str(text_of(Reason.REGISTRY_CARD_OUTDATED).advice)
    assert "RENAPER" in advice
    assert "número de trámite" in advice


def test_not_eligible_gives_nobody_a_hint(speaking):
    with speaking("en"):
        text = text_of(Reason.NOT_ELIGIBLE)
        said = f"{text.title} {text.advice}".lower()
    assert not [word for word in ("fraud", "list", "duplicate", "risk", "device", "document", "face") if word in said]


def test_no_text_uses_the_jargon_of_providers(speaking):
    with speaking("en"):
        said = " ".join(f"{text_of(reason).title} {text_of(reason).advice}" for reason in Reason).lower()
    assert not [word for word in ("gu1", "didit", "kyc", "liveness", "session") if word in said]
