"""Each stage in each of its variants has words, in each language, and something that leads on."""

import re

import pytest

from portal.domain.locales import Locale
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from tests.web.variants import VARIANTS

LANGUAGES = list(Locale)
PARAGRAPHS = re.compile(r"<(h1|h2|p|li|button|summary|a)\b[^>]*>(.*?)</\1>", re.DOTALL)
OTHERS = [language for language in LANGUAGES if language != "en"]


@pytest.fixture
def config(config):
    return config.model_copy(update={"contact_url": "mailto:ayuda@acme.example", "operator_name": "Acme S.A."})


def words_of(html):
    """What the status says, sentence by sentence, without what is the same in every language."""
    status = html[html.index('id="status"') :]
    found = {" ".join(re.sub(r"<[^>]+>", " ", text).split()) for _, text in PARAGRAPHS.findall(status)}
    return {text for text in found if " " in text}


def ways_on(page, path):
    retry = [it for it in page.all("button") if (it.get("aria-describedby") or "").startswith("retry-")]
    ways = {
        "continue": page.all("a", href=f"{path}/continue"),
        "retry": any("disabled" not in it for it in retry),
        "later": any("disabled" in it for it in retry) and page.all("time"),
        "contact": page.all("section", aria_labelledby="contact-title"),
        "correct": page.all("a", href=f"{path}/number"),
        "start": page.all("a", href="/"),
        "wait": page.all("meta", http_equiv="refresh"),
        "nothing": "No hay nada más que hacer" in page.html or "Cómo sigue" in page.html,
    }
    return {way for way, is_there in ways.items() if is_there}


def test_there_is_a_variant_of_every_stage_and_reason():
    assert {it.stage for it in VARIANTS.values()} == set(Stage) - {Stage.DETAILS}
    assert {f"rejected: {reason}" for reason in Reason} <= set(VARIANTS)


@pytest.mark.long
@pytest.mark.parametrize("name", VARIANTS)
def test_variant_has_words_in_each_language_and_leads_on(name, visitor, stored, clock):
    variant = VARIANTS[name]
    path = stored(**variant.changes())
    clock.now += variant.age
    pages = {language: visitor.get(f"{path}?lang={language}") for language in LANGUAGES}
    for language, page in pages.items():
        has_words(page, variant, language)
    english = words_of(pages["en"].html)
    assert english
    for language in OTHERS:
        assert english & words_of(pages[language].html) == set(), f"left in English: {language}"
    page = visitor.get(path)
    assert variant.leads_on in ways_on(page, path)
    if variant.leads_on == "wait":
        says_how_long(page, variant)
    if name != "ready":  # its poll redirects to the hosted page
        fragment = visitor.get(f"{path}/status")
        assert fragment.text("section", id="status") == page.text("section", id="status")


@pytest.mark.parametrize("name", ["closed until now", "held back until now"])
def test_once_there_are_attempts_again_nothing_says_later(name, visitor, stored, clock):
    path = stored(**VARIANTS[name].changes())
    assert "Por ahora" in visitor.get(path).html
    assert "qr.svg" not in visitor.get(path).html, "a code that would open nothing"
    clock.now += VARIANTS[name].age
    page = visitor.get(path)
    assert page.text("h1") == "Podés probar de nuevo"
    assert not re.search("Por ahora|más tarde", page.html)


def has_words(page, variant, language):
    assert page.stage == variant.stage, language
    assert page.one("html")["lang"] == language
    assert page.text("h1"), language
    assert re.search(r"<h1\b.*?</h1>.*?<p( class=\"working\")?>\s*\S", page.html, re.DOTALL), language
    assert "%(" not in page.html and "None" not in page.html, language


def says_how_long(page, variant):
    assert page.all("p", class_="working") or variant.stage is Stage.IN_REVIEW
    assert re.search("suele tardar|tardando|puede tardar|suele llegar|apenas|todavía no respondió", page.html.lower())
