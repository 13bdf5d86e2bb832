"""The registry: read whole, or refused with the line and the fault."""

import pytest

from portal.partners import hash_of_key, new_key, new_signing_secret
from portal.partners_file import PartnersError, read_registry

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
    allows = read(SHOP).get("shop").allows_return_to
    assert allows("https://shop.example/done") and allows("https://shop.example/done?order=7")
    others = ["https://shop.example/", "https://evil.example/done", "http://shop.example/done", "javascript:alert(1)"]
    assert not any(map(allows, [*others, "https://shop.example/done?status=approved", "https://shop.example/done#x"]))


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
    ('accent = "#0055ff"', 'accent = "#0055ff"\ncss = "x"', "line 13: partners.shop.theme.css"),
    ("[partners.shop]", "[partners.Shop]", "a slug is lower-case"),
    ("[partners.shop]", "x = 1\n[partners.shop]", "nothing stands beside"),
    ('capture = "frame"', 'capture = "frame"\nlogo = "logo.gif"', "line 10: partners.shop.logo"),
    ('capture = "frame"', 'capture = "frame"\nlogo = "none.svg"', "cannot be read"),
]


@pytest.mark.parametrize(("right", "wrong", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_fault_is_named_with_its_line_and_without_secrets(read, right, wrong, fault):
    text = SHOP.replace(right, wrong)
    assert text != SHOP
    with pytest.raises(PartnersError) as refused:
        read(text)
    assert fault in str(refused.value) and "partners.toml" in str(refused.value)
    assert KEY not in str(refused.value)


def test_one_key_opens_one_partner(read):
    with pytest.raises(PartnersError, match=r"line 18: partners\.other\.api_keys: this key is partner shop's"):
        read(SHOP + SHOP.replace("partners.shop", "partners.other"))
