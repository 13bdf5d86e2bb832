"""Each stage in each of its variants has words, in each language, and something that leads on."""

import re

import pytest

from portal.domain.locales import Locale
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from tests.web.variants import VARIANTS

LANGUAGES = list(Locale)
PARAGRAPHS = re.compile(r"<(h1|h2|p|li|button|summary|a)\b[^>]*>(.*?)</\1>", re.DOTALL)
WAITED_OUT = [name for name, variant in VARIANTS.items() if variant.leads_on == "wait"]
POLLED = [name for name in VARIANTS if name != "ready"]
"""A poll goes on to the hosted page as soon as that is ready."""


@pytest.fixture
def config(config):
    return config.model_copy(update={"contact_url": "mailto:ayuda@acme.example", "operator_name": "Acme S.A."})


@pytest.fixture(params=VARIANTS)
def name(request):
    return request.param


@pytest.fixture
def variant(name):
    return VARIANTS[name]


@pytest.fixture
def path(variant, stored, clock):
    path = stored(**variant.changes())
    clock.now += variant.age
    return path


def words_of(html):
    """What the status says, sentence by sentence, without what is the same in every language."""
    status = html[html.index('id="status"') :]
    found = {" ".join(re.sub(r"<[^>]+>", " ", text).split()) for _, text in PARAGRAPHS.findall(status)}
    return {text for text in found if " " in text}


def test_there_is_a_variant_of_every_stage_and_reason():
    assert {it.stage for it in VARIANTS.values()} == set(Stage) - {Stage.DETAILS}
    assert {f"rejected: {reason}" for reason in Reason} <= set(VARIANTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_words_in_each_language(visitor, path, variant, language):
    page = visitor.get(f"{path}?lang={language}")
    assert page.stage == variant.stage
    assert page.one("html")["lang"] == language
    assert page.text("h1")
    assert re.search(r"<h1\b.*?</h1>.*?<p( class=\"working\")?>\s*\S", page.html, re.DOTALL)
    assert "%(" not in page.html and "None" not in page.html


def test_nothing_of_it_is_left_in_english(visitor, path):
    english = words_of(visitor.get(f"{path}?lang=en").html)
    assert english
    for language in ("es-AR", "es", "pt-BR"):
        assert english & words_of(visitor.get(f"{path}?lang={language}").html) == set()


def test_it_leads_on(visitor, path, variant):
    page = visitor.get(path)
    retry = [it for it in page.all("button") if (it.get("aria-describedby") or "").endswith("retry-hint")]
    ways = {
        "continue": bool(page.all("a", href=f"{path}/continue")),
        "retry": any("disabled" not in it for it in retry),
        "later": any("disabled" in it for it in retry) and bool(page.all("time")),
        "contact": bool(page.all("section", aria_labelledby="contact-title")),
        "start": bool(page.all("a", href="/")),
        "wait": bool(page.all("meta", http_equiv="refresh")),
        "nothing": "No hay nada más que hacer" in page.html or "Cómo sigue" in page.html,
    }
    assert ways[variant.leads_on], {way for way, is_there in ways.items() if is_there}


@pytest.mark.parametrize("name", WAITED_OUT, indirect=True)
def test_who_has_to_wait_is_told_so_in_words(visitor, path, variant):
    page = visitor.get(path)
    assert page.all("p", class_="working") or variant.stage is Stage.IN_REVIEW
    assert re.search("suele tardar|tardando|puede tardar|suele llegar|apenas|todavía no respondió", page.html.lower())


@pytest.mark.parametrize("name", POLLED, indirect=True)
def test_page_and_fragment_agree(visitor, path):
    fragment = visitor.get(f"{path}/status")
    assert fragment.text("section", id="status") == visitor.get(path).text("section", id="status")
