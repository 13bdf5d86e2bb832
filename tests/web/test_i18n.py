import pytest

from portal.app import create_app
from portal.domain.locales import Locale
from portal.domain.stage import Stage
from tests.page import Visitor
from tests.web.conftest import query_of
from tests.web.stages import ready_again, stored_as


def language_of(page):
    return page.one("html")["lang"]


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("es", "es"),
        ("es-ar", "es-AR"),
        ("es_AR", "es-AR"),
        ("pt-BR", "pt-BR"),
        ("pt", "es-AR"),
        ("xx", "es-AR"),
        ("", "es-AR"),
        ("../../etc", "es-AR"),
        ("%00", "es-AR"),
        ("en" * 5000, "es-AR"),
    ],
    ids=lambda it: it[:12],
)
def test_the_address_chooses_the_language(visitor, wanted, spoken):
    assert language_of(visitor.get(f"/?lang={wanted}")) == spoken


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("es", "es"),
        ("es-MX", "es"),
        ("es-419,es;q=0.9", "es"),
        ("es-AR,es;q=0.9", "es-AR"),
        ("es;q=0.8,es-AR;q=0.9", "es-AR"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("de,fr;q=0.9", "es-AR"),
        ("de,pt;q=0.5,en;q=0.4", "pt-BR"),
        ("*", "es-AR"),
        ("", "es-AR"),
        (";;;,q=,en;q=x", "es-AR"),
        ("en;q=0,pt", "pt-BR"),
    ],
)
def test_the_browser_chooses_the_language(visitor, accepted, spoken):
    assert language_of(visitor.get("/", headers={"Accept-Language": accepted})) == spoken


def test_the_address_goes_before_the_browser(visitor):
    assert language_of(visitor.get("/?lang=pt-BR", headers={"Accept-Language": "en"})) == "pt-BR"


@pytest.mark.parametrize("locale", Locale)
def test_the_operator_chooses_for_everybody_else(config, app, locale):
    visitor = Visitor(create_app(config.model_copy(update={"default_locale": locale})))
    assert language_of(visitor.get("/", headers={"Accept-Language": "de"})) == locale


@pytest.mark.parametrize("locale", Locale)
def test_an_onboarding_keeps_its_language(visitor, locale):
    path = visitor.begin(f"/?lang={locale}").split("?")[0]
    assert language_of(visitor.get(path, headers={"Accept-Language": "de"})) == locale
    assert language_of(visitor.get(f"{path}?lang=en")) == "en"


def test_a_form_in_the_browsers_language_is_kept_in_it(visitor):
    english = {"headers": {"Accept-Language": "en"}}
    fields = visitor.get("/", **english).fields
    sent = visitor.send_form("/?lang=en", form_token=fields["form_token"])
    assert language_of(visitor.get(sent.response.headers["Location"].split("?")[0])) == "en"


def test_a_chosen_language_stays_chosen(visitor, stored):
    path = stored(**ready_again())
    page = visitor.get(f"{path}?lang=en")
    for address in (
        page.one("section", id="status")["hx-get"],
        page.one("form", action=f"{path}/stop?lang=en")["action"],
    ):
        assert query_of(address)["lang"] == "en"
    poll = visitor.get(f"{path}/status?lang=en&part=status")
    assert query_of(poll.leads_to) == {"lang": "en"}


def test_without_a_choice_addresses_stay_short(visitor, stored):
    page = visitor.get(stored(**stored_as(Stage.WAITING)))
    assert set(query_of(page.one("section", id="status")["hx-get"])) == {"v", "part"}


@pytest.mark.parametrize("path", ["/", "/return", "/nothing"])
def test_every_page_offers_every_language(visitor, path):
    page = visitor.get(f"{path}?lang=pt-BR")
    offered = {link["hreflang"]: link for link in page.all("a") if "hreflang" in link}
    assert list(offered) == list(Locale)
    assert [tag for tag, link in offered.items() if "aria-current" in link] == ["pt-BR"]
    for tag, link in offered.items():
        assert link["lang"] == tag
        assert language_of(visitor.get(path + link["href"])) == tag


def test_a_new_language_is_a_change_for_the_fragment(visitor, stored):
    path = stored(**stored_as(Stage.WAITING))
    version = query_of(visitor.get(path).one("section", id="status")["hx-get"])["v"]
    assert visitor.get(f"{path}/status?v={version}").status == 204
    assert visitor.get(f"{path}/status?v={version}&lang=en").status == 200


@pytest.mark.parametrize(
    ("language", "printed"),
    [
        ("es-AR", "2 de marzo de 2026, 09:00 (hora de Argentina)"),
        ("pt-BR", "2 de março de 2026, 09:00 (horário de Brasília)"),
        ("en", "March 2, 2026, 12:00 PM (UTC)"),
    ],
)
def test_paper_tells_when_it_was_printed(visitor, language, printed):
    time = visitor.get(f"/?lang={language}").text("p", **{"class": "only-print reference"})
    assert time == printed
