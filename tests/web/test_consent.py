"""What people agree to is what they read, and it is kept as they read it."""

import hashlib
import re

import pytest

from portal.domain.locales import Locale
from portal.web.consent import CONSENT_VERSION
from tests.databases import on_both_databases
from tests.page import APPLICANT
from tests.partners import partners_file

PROVIDER = "verify.example.com"
VERSIONS = {"2027-03": "4f1c0e84c3297de8"}
"""The digest of the text in all languages, for each version that was ever in use from 2027-03 on."""


@pytest.fixture
def config(config, tmp_path):
    partners = partners_file(tmp_path, shop="start_page = true\nrenaper = false")
    changes = {"partners_file": partners, "operator_name": "Banco Sur", "gu1_provider_hosts": (PROVIDER,)}
    return config.model_copy(update=changes | {"gu1_double_check_renaper": True})


def consent_in(page):
    block = re.search(r'<div class="consent-text".*?</div>', page.html, re.DOTALL)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", block).split())


@pytest.mark.parametrize("locale", Locale)
def test_company_and_provider_are_named(visitor, locale):
    for country in ("AR", "BR"):
        told = consent_in(visitor.get(f"/?country={country}&lang={locale}"))
        assert "Banco Sur" in told
        assert PROVIDER in told
    assert "The shop" in consent_in(visitor.get(f"/s/shop?lang={locale}"))


@pytest.mark.parametrize(("path", "is_asked"), [("/?country=AR", True), ("/?country=BR", False), ("/s/shop", False)])
def test_renaper_is_named_where_it_is_asked(visitor, path, is_asked):
    assert ("RENAPER" in consent_in(visitor.get(path))) == is_asked


def test_another_country_brings_its_text_along(ask):
    """In place of the one on the page, by htmx."""
    answers = {it: ask("GET", f"/?country={it}&part=document").text for it in ("AR", "BR")}
    assert all('hx-swap-oob="true"' in it and 'id="document"' in it for it in answers.values())
    assert ["RENAPER" in it for it in answers.values()] == [True, False]


@on_both_databases
def test_consent_is_kept_as_it_was_read(visitor, sql):
    page = visitor.get("/?lang=pt-BR&country=AR")
    visitor.post("/?lang=pt-BR", page.fields | APPLICANT | {"country": "AR"})
    ((version, language, digest),) = sql("SELECT consent_version, consent_language, consent_digest FROM onboardings")
    assert (version, language) == (CONSENT_VERSION, "pt-BR")
    assert digest.startswith(page.one("input", name="read")["value"])
    assert len(digest) == 64


BRAZILIAN = {"country": "BR", "document_number": "529.982.247-25", "shown_number": "529.982.247-25"}


@pytest.mark.parametrize(
    ("shown", "sent"), [("BR", {"country": "AR"}), ("AR", {"read": "0" * 10}), ("BR", BRAZILIAN | {"read": "0" * 12})]
)
def test_nobody_agrees_to_more_than_they_read(visitor, count, shown, sent):
    page = visitor.post("/", visitor.get(f"/?country={shown}").fields | APPLICANT | sent)
    assert (page.status, count()) == (200, 0)
    assert page.one("input", name="first_name")["value"] == APPLICANT["first_name"]
    assert "checked" not in page.one("input", name="consent")
    assert visitor.post("/", page.fields | {"consent": "y"}).status == 303


@pytest.mark.parametrize(("shown", "chosen", "stays"), [("BR", "AR", False), ("AR", "BR", True), ("AR", "AR", True)])
def test_choosing_another_country_without_scripts_takes_the_tick_if_its_text_says_more(visitor, shown, chosen, stays):
    sent = APPLICANT | {"country": chosen, "action": "country"}
    page = visitor.post("/?lang=en", visitor.get(f"/?country={shown}&lang=en").fields | sent)
    assert ("checked" in page.one("input", name="consent")) == stays
    told = [it for it in page.all("div", role="alert") if "autofocus" in it]
    assert bool(told) != stays
    assert ("Please read your agreement once more" in page.text("main")) != stays


def test_whoever_read_more_is_not_asked_again(visitor, sql):
    page = visitor.get("/?country=AR")
    assert visitor.post("/", page.fields | APPLICANT | BRAZILIAN).status == 303
    ((digest,),) = sql("SELECT consent_digest FROM onboardings")
    assert digest.startswith(page.one("input", name="read")["value"])


def test_page_of_an_older_release_is_taken(visitor, sql):
    fields = visitor.get("/").fields | APPLICANT
    del fields["read"]
    assert visitor.post("/", fields).status == 303
    assert sql("SELECT consent_language, consent_digest FROM onboardings") == [(None, None)]


def test_every_text_has_a_version_of_its_own(visitor):
    """Raise `CONSENT_VERSION` with the text, and add a line above."""
    texts = [
        consent_in(visitor.get(f"{path}&lang={locale}"))
        for locale in Locale
        for path in ("/?country=AR", "/?country=BR", "/s/shop?x")
    ]
    assert VERSIONS[CONSENT_VERSION] == hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
