"""The registry: read whole, or refused with the line and the fault."""

import re

import pytest

from portal.partners.policies import Policies
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
from portal.partners.toml_file import PartnersError, read_registry
from tests.factories import an_onboarding

KEY = new_key()
SHOP = f"""
[partners.shop]
name = "Shop"
origins = ["https://shop.example", "http://localhost:8100"]
return_urls = ["https://shop.example/done"]
api_keys = ["{hash_of_key(KEY)}"]
signing_secrets = ["{new_signing_secret()}"]
locale = "pt-BR"
capture = "frame"

[partners.shop.theme]
accent = "#0055ff"
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "partners.toml"
        path.write_text(text)
        return read_registry(path)

    return read


def test_no_file_is_no_partners():
    assert read_registry(None).partners == {}


def test_partner_is_found_by_slug_and_by_key(read):
    registry = read(SHOP)
    assert registry.get("shop") is registry.by_key(KEY)
    assert (registry.get("shop").name, registry.get("nobody"), registry.by_key("kyc_x")) == ("Shop", None, None)


def test_return_urls_may_differ_in_their_query_only(read):
    return_url = read(SHOP).get("shop").return_url
    for url in ("https://shop.example/done", "https://shop.example/done?order=7&x[]=*"):
        assert return_url(url) == url


REFUSED = {
    "https://shop.example/": "not among",
    "https://shop.example/done/": "not among",
    "https://evil.example/done": "not among",
    "https://shop.example/done/../other": "not among",
    "http://shop.example/done": "must be https",
    "javascript:alert(1)": "an http or https URL",
    "ftp://shop.example/done": "an http or https URL",
    "//shop.example/done": "an http or https URL",
    "https://shop.example@evil.example/done": "an http or https URL",
    "https://shop.example\\done": "no backslash before its query",
    "https://shop.example/do\\ne": "no backslash before its query",
    "https://shop.example/done?status=approved": "no parameter status",
    "https://shop.example/done?st%61te": "no parameter state",
    "https://shop.example/done#x": "no #fragment",
    "https://shop.example/done?x#y": "no #fragment",
    "https://shop.example/do\nne": "no line breaks",
    "https://shop.example/done?\xa0": "invisible characters",
    "https://shop.example/done?\ud800": "invisible characters",
    "https://shop.example/done?" + 700 * "<": "at most 2048 characters",
    "https://a_b.example/done": "not a host name",
    "": "an http or https URL",
}


@pytest.mark.parametrize(("url", "reason"), REFUSED.items(), ids=lambda it: ascii(it)[:40])
def test_return_url_is_refused_with_the_reason(read, url, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        read(SHOP).get("shop").return_url(url)


@pytest.mark.parametrize("written", ["https://shop.example/./a/../done", "https://Shop.Example:443/done"])
def test_registered_return_url_is_kept_as_browsers_ask_for_it(read, written):
    assert read(SHOP.replace("https://shop.example/done", written)).get("shop").return_urls == (
        "https://shop.example/done",
    )


def test_star_in_a_registered_return_url_is_refused(read):
    with pytest.raises(PartnersError, match="no \\*: it stands for itself"):
        read(SHOP.replace("https://shop.example/done", "https://shop.example/*"))


FAULTS = [
    ('name = "Shop"', "name = ", "line 3"),
    ('name = "Shop"', 'nome = "Shop"', "name: Field required"),
    ('origins = ["https://shop.example"', 'origins = ["https://shop.example/"', "line 4: partners.shop.origins.0"),
    ('origins = ["https://shop.example"', 'origins = ["http://shop.example"', "line 4: partners.shop.origins.0"),
    ('origins = ["https://shop.example"', 'origins = ["*"', "line 4: partners.shop.origins.0"),
    ("https://shop.example/done", "https://shop.example/done#top", "line 5: partners.shop.return_urls.0"),
    (f"{hash_of_key(KEY)}", KEY, "line 6: partners.shop.api_keys.0"),
    ('["whsec_', '["', "line 7: partners.shop.signing_secrets.0"),
    ('locale = "pt-BR"', 'locale = "pt"', "line 8: partners.shop.locale"),
    ('accent = "#0055ff"', 'accent = "url(javascript:alert(1))"', "line 12: partners.shop.theme.accent"),
    ('accent = "#0055ff"', 'accent = "#ffd100"', "accent #ffd100 on the page #ffffff has a contrast of 1.46"),
    ('accent = "#0055ff"', 'scheme = "sepia"', "line 12: partners.shop.theme.scheme"),
    ('accent = "#0055ff"', "radius = 4", "radius needs an accent beside it"),
    ('accent = "#0055ff"', 'accent = "#0055ff"\ncss = "x"', "line 13: partners.shop.theme.css"),
    ("[partners.shop]", "[partners.Shop]", "a slug has at most"),
    ("[partners.shop]", "x = 1\n[partners.shop]", "nothing else"),
    ('capture = "frame"', 'capture = "frame"\nlogo = "logo.gif"', "line 10: partners.shop.logo"),
    ('capture = "frame"', 'capture = "frame"\nlogo = "none.svg"', "cannot be read"),
    ('capture = "frame"', 'capture = "frame"\nlogo = "\\u0000.svg"', "logo: cannot be read"),
    ('capture = "frame"', 'capture = "frame"\nslug = "shop"', "its name is the slug"),
    ('capture = "frame"', f"x = {'[' * 5000}{']' * 5000}", "nested too deeply"),
]


@pytest.mark.parametrize(("right", "wrong", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_fault_is_named_with_its_line_and_without_secrets(read, right, wrong, fault):
    text = SHOP.replace(right, wrong)
    assert text != SHOP
    with pytest.raises(PartnersError) as refused:
        read(text)
    assert fault in str(refused.value) and "partners.toml" in str(refused.value)
    assert KEY not in str(refused.value)


def test_all_faults_are_named_at_once_with_what_was_found_and_what_is_allowed(read):
    text = SHOP.replace('locale = "pt-BR"', 'locale = "pt"').replace('capture = "frame"', 'kapture = "frame"')
    text = text.replace('accent = "#0055ff"', 'accent = "blue"') + another().replace(
        'name = "Shop"', "max_attempts = 99"
    )
    with pytest.raises(PartnersError) as refused:
        read(text)
    lines = [line.partition("partners.toml, ")[2] for line in str(refused.value).splitlines()]
    assert lines == [
        "line 8: partners.shop.locale: found 'pt'; must be 'es-AR', 'es', 'pt-BR' or 'en'",
        "line 12: partners.shop.theme.accent: found 'blue'; must be a colour as six hex digits, such as #0b6e5b",
        "line 9: partners.shop.kapture: unknown; did you mean capture?",
        "line 14: partners.other.name: Field required",
        "line 15: partners.other.max_attempts: found 99; must be a whole number from 1 to 20",
    ]


@pytest.mark.asvs("8.4.1")
def test_one_key_opens_one_partner(read):
    with pytest.raises(PartnersError, match=r"line 18: partners\.other\.api_keys: .* already belongs to partner shop"):
        read(SHOP + SHOP.replace("partners.shop", "partners.other"))


ORIGINS = [
    "https://*",
    "https://*.shop.example",
    "https://a.example;script-src *",
    "https://a.example ",
    "https://a.example\\n",
    "https://a.example, https://b.example",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_origin_is_one_that_a_browser_can_match(read, origin):
    with pytest.raises(PartnersError, match="origins"):
        read(SHOP.replace("https://shop.example", origin, 1))


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://señal.example", "https://xn--seal-hqa.example"),
        ("https://шоп.example", "https://xn--n1acz.example"),
        ("https://A.example:443", "https://a.example"),
        ("https://[0:0::1]:8100", "https://[::1]:8100"),
    ],
)
def test_origin_is_kept_as_browsers_write_it(read, written, origin):
    assert read(SHOP.replace("https://shop.example", written, 1)).get("shop").origins[0] == origin


def test_return_url_may_have_an_international_host(read):
    shop = read(SHOP.replace("https://shop.example/done", "https://señal.example/done")).get("shop")
    assert shop.return_url("https://SEÑAL.example/done?step=2") == "https://xn--seal-hqa.example/done?step=2"


def another(**changes):
    """A second partner with secrets of its own."""
    text = SHOP.replace("partners.shop", "partners.other").replace(hash_of_key(KEY), hash_of_key(new_key()))
    return re.sub(r"whsec_[^\"]+", changes.get("secret") or new_signing_secret(), text)


def prefixed(text):
    return text.replace('capture = "frame"', "prefix_external_ids = true")


def test_two_partners_without_a_prefix_could_be_taken_for_each_other(read):
    with pytest.raises(PartnersError, match=r"partners\.other\.prefix_external_ids: must be true: partner shop"):
        read(SHOP + another())
    registry = read(SHOP + prefixed(another()))
    shop, other = registry.get("shop"), registry.get("other")
    assert (shop.known_as("7"), other.known_as("7")) == (None, "other:7")
    assert registry.may_call(other, "other:7") and registry.may_call(shop, "7")
    assert not registry.may_call(shop, "other:7")


def test_one_signing_secret_speaks_for_one_partner(read):
    secret = re.search(r"whsec_[^\"]+", SHOP)[0]
    with pytest.raises(PartnersError, match=r"partners\.other\.signing_secrets: .* already belongs to partner shop"):
        read(SHOP + prefixed(another(secret=secret)))


@pytest.mark.parametrize(("line", "requires"), [("", False), ('"accept"', False), ('"hold"', True)])
def test_partner_may_refuse_what_could_not_be_compared(config, read, line, requires):
    text = SHOP.replace('capture = "frame"', f"unknown_identity = {line}" if line else "")
    policies = Policies(config, read(text))
    assert policies.policy_for(an_onboarding(partner="shop")).requires_identity is requires
    assert policies.policy_for(an_onboarding()).requires_identity is False


NEARBY = [
    "http://host.docker.internal:8100/hooks",
    "http://shop:3000/hooks",
    "http://172.17.0.1:3000/hooks",
    "http://[fd00::1]:3000/hooks",
    "http://me:secret@shop:3000/hooks",
    "https://me:secret@staging.shop.example/hooks",
    "https://me%40shop:@staging.shop.example/hooks",
]


@pytest.mark.parametrize("url", NEARBY)
def test_backend_of_a_developer_is_notified_only_in_development(tmp_path, url):
    path = tmp_path / "partners.toml"
    path.write_text(SHOP.replace('locale = "pt-BR"', f'locale = "pt-BR"\nnotify_url = "{url}"'))
    assert read_registry(path, development=True).get("shop").notify_url == url
    with pytest.raises(PartnersError, match="notify_url") as refused:
        read_registry(path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://shop.example/hooks", "http://8.8.8.8/", "http://a@b@shop/", "ftp://shop/", "http://me@/"]
)
def test_development_allows_nothing_else(tmp_path, url):
    path = tmp_path / "partners.toml"
    path.write_text(SHOP.replace('locale = "pt-BR"', f'locale = "pt-BR"\nnotify_url = "{url}"'))
    with pytest.raises(PartnersError, match="notify_url"):
        read_registry(path, development=True)
