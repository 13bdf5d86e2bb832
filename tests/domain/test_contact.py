import pytest

from portal.domain.contact import is_contact_url


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.example",
        "https://ayuda.acme.example:8443/kyc?de=portal#contacto",
        "mailto:ayuda@acme.example",
        "mailto:ayuda+kyc@acme.com.ar?subject=KYC",
        "tel:+541155551234",
        "tel:+54-11-5555-1234",
        "tel:0800(555)1234",
    ],
)
def test_pages_letters_and_calls_reach_somebody(url):
    assert is_contact_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme.example",
        "ayuda@acme.example",
        "http://acme.example",
        "https://",
        "https:///kyc",
        "https://[::1",
        "https://acme.example:eighty",
        "https://user:secret@acme.example",
        "https://user@acme.example",
        "https://acme.example/a b",
        "https://acme.example\\@evil.example",
        'https://acme.example/"><script>',
        "https://ácme.example",
        "https://acme.example/\r\nX: y",
        "javascript:alert(1)",
        "data:text/html,x",
        "//acme.example",
        "mailto:",
        "mailto:ayuda",
        "mailto:ayuda@acme",
        "mailto:a@b@c.example",
        "mailto:a@acme.example,b@acme.example",
        "tel:",
        "tel:+",
        "tel:1",
        "tel:call-me",
        "tel:+54 11 5555 1234",
        "sms:+541155551234",
    ],
)
def test_nothing_else_does(url):
    assert not is_contact_url(url)
