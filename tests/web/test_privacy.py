"""What people read about their data: in every language, for every partner."""

import re
from datetime import timedelta

import pytest

from portal.domain.locales import Locale
from portal.domain.stage import Stage
from portal.domain.stored_data import STORED_DATA
from portal.web.privacy_notice import privacy_link
from portal.web.requesting_company import hide_company
from portal.web.stored_data_texts import WHAT
from tests.factories import some_details
from tests.partners import partners_file
from tests.web.stages import SHOWN, stored_as


@pytest.fixture
def config(config, tmp_path):
    own = {"shop": 'contact_url = "mailto:help@shop.example"\nrenaper = false'}
    return config.model_copy(
        update={
            "partners_file": partners_file(tmp_path, **own),
            "operator_name": "Banco Ejemplo",
            "contact_url": "https://banco.example/ayuda",
        }
    )


@pytest.fixture
def setting(app, monkeypatch):
    """Changes settings of the running portal."""

    def setting(**changes):
        for name, value in changes.items():
            monkeypatch.setitem(app.extensions["portal"].config.__dict__, name, value)

    return setting


def words(page):
    return page.text("main")


def targets(page):
    return [link["href"] for link in page.all("a")]


HEADINGS = {
    "en": ("Your data and your privacy", "Giving them is voluntary", "free of charge", "7 days"),
    "es": ("Tus datos y tu privacidad", "Darlos es voluntario", "si tienes un interés", "7 días"),
    "es-AR": ("Tus datos y tu privacidad", "Darlos es voluntario", "si tenés un interés", "7 días"),
    "pt-BR": ("Seus dados e sua privacidade", "Fornecê-los é voluntário", "se você tiver um interesse", "7 dias"),
}


def test_every_language_is_tried():
    assert set(HEADINGS) == set(Locale)


@pytest.mark.parametrize("language", HEADINGS)
def test_notice_in_every_language(visitor, language):
    page = visitor.get(f"/privacy?lang={language}")
    heading, *sentences = HEADINGS[language]
    assert page.one("html")["lang"] == language and page.text("h1") == heading
    for text in (*sentences, "gu1", "verify.example.com", "RENAPER", "AAIP", "ANPD", "25.326", "LGPD"):
        assert text in words(page)


@pytest.mark.parametrize("language", Locale)
def test_everything_kept_of_a_person_is_told_once(visitor, language):
    page = visitor.get(f"/privacy?lang={language}")
    times = re.findall(r"<dt>(.*?)</dt>", page.html)
    assert len(page.all("dd")) == len(WHAT) and len(times) == len(set(times))


def test_every_entry_about_a_person_has_its_words():
    assert set(WHAT) == {key for key, entry in STORED_DATA.items() if entry.is_personal}


def test_times_are_those_of_the_settings(visitor, setting):
    assert "without a fixed end" in words(visitor.get("/privacy?lang=en"))
    setting(retention_days=90, attempts_window=timedelta(hours=36))
    page = words(visitor.get("/privacy?lang=en"))
    assert "90 days after the last change" in page and "36 hours" in page
    assert "without a fixed end" not in page


@pytest.mark.parametrize(
    ("slug", "name", "contact"),
    [
        (None, "Banco Ejemplo", "https://banco.example/ayuda"),
        ("shop", "The shop", "mailto:help@shop.example"),
        ("bank", "The bank", "https://banco.example/ayuda"),
        ("gone", "The gone", "https://banco.example/ayuda"),
    ],
)
def test_who_is_responsible_and_how_to_reach_them(visitor, slug, name, contact):
    page = visitor.get("/privacy?lang=en" + (f"&partner={slug}" if slug else ""))
    assert f"Responsible for your data: {name}." in words(page)
    assert contact in targets(page)
    assert ("Banco Ejemplo, which runs this portal" in words(page)) == (slug is not None)


def test_without_names_it_still_says_whom_to_ask(visitor, setting):
    setting(operator_name=None, contact_url=None)
    page = words(visitor.get("/privacy?lang=en"))
    assert "Responsible for your data: the company that asks for this verification." in page
    assert "where you got your link" in page


@pytest.mark.parametrize("slug", ["nobody", "", "SHOP", "../shop"])
def test_unknown_partner_has_no_notice(ask, slug):
    assert ask("GET", "/privacy", query_string={"partner": slug}).status_code == 404


def test_other_languages_keep_the_partner(visitor):
    page = visitor.get("/privacy?partner=shop&lang=en")
    (link,) = page.all("a", hreflang="pt-BR")
    assert "Responsável pelos seus dados: The shop." in words(visitor.get("/privacy" + link["href"]))


def test_registry_is_named_only_where_it_is_asked(visitor, setting):
    assert "RENAPER" not in words(visitor.get("/privacy?partner=shop"))
    assert "RENAPER" in words(visitor.get("/privacy?partner=bank"))
    setting(gu1_double_check_renaper=False)
    assert "RENAPER" not in words(visitor.get("/privacy"))


def test_deletion_by_the_link_is_told_where_such_links_are_given(visitor, setting):
    assert "Ask to delete your data" in words(visitor.get("/privacy?lang=en"))
    assert "Ask to delete your data" not in words(visitor.get("/privacy?lang=en&partner=shop"))
    setting(direct_start=False)
    assert "Ask to delete your data" not in words(visitor.get("/privacy?lang=en"))


def test_provider_is_named_by_its_hosts(visitor, setting):
    setting(gu1_provider_hosts=("verify.example.com", ".example.org", "*"))
    assert "verify.example.com, example.org" in words(visitor.get("/privacy"))


@pytest.mark.parametrize("stage", [Stage.WAITING, Stage.APPROVED, Stage.CLOSED])
def test_foot_of_a_customers_page_leads_to_their_partners_notice(visitor, stored, stage):
    page = visitor.get(stored(partner="shop", external_id="c-7", **stored_as(stage)) + "?lang=pt-BR")
    (link,) = [it for it in page.all("a") if it["href"].startswith("/privacy")]
    assert link["target"] == "_blank"
    notice = visitor.get(link["href"])
    assert notice.one("html")["lang"] == "pt-BR" and "The shop" in words(notice)


@pytest.mark.parametrize("notice", ["privacy", "accessibility"])
@pytest.mark.parametrize("path", ["/", "/return", "/nowhere", "/privacy", "/accessibility"])
def test_foot_of_every_page_leads_to_the_notices(ask, path, notice):
    assert re.search(rf'<footer.*?href="/{notice}\?lang=en"', ask("GET", f"{path}?lang=en").text, re.S)


@pytest.mark.parametrize("stage", SHOWN)
def test_foot_of_every_stage_names_the_contact_and_the_page_the_reference(visitor, setting, stored, stage):
    setting(contact_url="mailto:ayuda@banco.example")
    page = visitor.get(stored(**stored_as(stage)))
    assert re.search(r'<footer.*?href="mailto:ayuda@banco.example', page.html, re.S)
    assert re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", page.text("main"))


@pytest.mark.parametrize(
    ("contact", "target"),
    [("https://banco.example/ayuda", "_blank"), ("mailto:ayuda@banco.example", None), ("tel:+541155550000", None)],
)
def test_help_page_opens_in_a_new_tab_and_apps_do_not(visitor, setting, stored, contact, target):
    setting(contact_url=contact)
    for path in (stored(**stored_as(Stage.CANCELLED)), "/return", "/o/nothing", "/accessibility"):
        links = [it for it in visitor.get(path).all("a") if it.get("href", "").startswith(contact)]
        assert len(links) == 2  # the foot's and the page's own
        assert all((it.get("target"), it.get("rel")) == (target, target and "noopener") for it in links)


def test_accessibility_statement_names_the_company_and_whom_to_tell(visitor, setting):
    setting(operator_name="Banco Sur", contact_url="https://banco.example/ayuda")
    page = visitor.get("/accessibility")
    assert "WCAG 2.2" in words(page) and "Banco Sur" in words(page)
    assert "https://banco.example/ayuda" in targets(page)


@pytest.mark.parametrize("stage", [it for it in SHOWN if not it.is_final])
def test_every_page_that_waits_offers_to_keep_the_link(visitor, stored, stage):
    path = stored(**stored_as(stage))
    page = visitor.get(path)
    assert page.one("input", id="kept-link")["value"].endswith(path)
    ways = [it["href"] for it in page.all("a") if it["href"].startswith(("https://wa.me/?text=", "mailto:?"))]
    assert len(ways) == 2
    assert page.one("button", data_share="kept-link") and [it for it in page.all("button") if "data-print" in it]


def test_foot_names_no_company_while_the_partner_cannot_be_read(app):
    with app.test_request_context("/"):
        hide_company()
        assert privacy_link() is None


def test_own_policy_is_linked_instead_and_named_by_the_notice(visitor, setting):
    setting(privacy_url="https://banco.example/privacidad")
    assert "https://banco.example/privacidad" in targets(visitor.get("/"))
    assert "https://banco.example/privacidad" in re.search(r"<main.*</main>", visitor.get("/privacy").html, re.S)[0]


def test_notice_shows_nobodys_data(visitor, stored):
    path = stored(partner="shop", external_id="customer-4711", details=some_details(), validation=None)
    page = visitor.get("/privacy?partner=shop").html
    details = some_details()
    for personal in ("customer-4711", details.document_number, details.last_name, path):
        assert personal not in page


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_notice_is_only_read(ask, method):
    assert ask(method, "/privacy").status_code == 405
