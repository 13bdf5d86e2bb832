import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.provider_hosts import ProviderHosts, is_loopback

HOSTS = ProviderHosts(["verify.didit.me", ".Example.com"])


@pytest.mark.parametrize(
    "url",
    [
        "https://verify.didit.me",
        "https://verify.didit.me/session/1?lang=es#top",
        "https://VERIFY.didit.ME/",
        "https://verify.didit.me:8443/session",
        "https://kyc.example.com/",
        "https://a.b.example.com/",
        "HTTPS://verify.didit.me/",
    ],
)
def test_named_hosts_and_those_below_a_suffix_are_allowed(url):
    assert HOSTS.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://didit.me/",
        "https://evil.verify.didit.me/",
        "https://verify.didit.me.evil.example/",
        "https://verify.didit.me./",
        "https://xverify.didit.me/",
        "https://example.com/",
        "https://notexample.com/",
        "https://.example.com.evil.test/",
        "https://evil.test/verify.didit.me",
        "https://evil.test/#https://verify.didit.me",
        "https:///verify.didit.me/",
        "//verify.didit.me/",
        "/session/1",
        "",
    ],
)
def test_other_hosts_are_refused(url):
    assert not HOSTS.allows(url)


@pytest.mark.parametrize("scheme", ["http", "ftp", "javascript", "data", "blob", "file", "httpss", ""])
def test_other_schemes_than_https_are_refused(scheme):
    assert not HOSTS.allows(f"{scheme}://verify.didit.me/")


@pytest.mark.parametrize(
    "url",
    [
        "https://verify.didit.me@evil.test/",
        "https://user:word@verify.didit.me/",
        "https://evil.test\\@verify.didit.me/",
        "https://verify.didit.me\\.evil.test/",
        "https:\\\\verify.didit.me/",
        "https://verify.didit.me/ x",
        " https://verify.didit.me/",
        "https://verify.didit.me/\r\nSet-Cookie: a=b",
        "https://verify.di\tdit.me/",
        "https://verify.didit.me/\x00",
        "https://verify.didit.me/\x7f",
        "https://verify.didit.mе/",
        "https://verify。didit。me/",
        "https://ⅴerify.didit.me/",
        "https://xn--verfy-2of.didit.me/",
        "https://verify.didit.me/señal",
    ],
)
def test_addresses_that_parsers_read_differently_are_refused(url):
    assert not HOSTS.allows(url)


@pytest.mark.parametrize("port", ["x", "99999", "-1", "80 80", "1\u0661"])
def test_impossible_ports_are_refused(port):
    assert not HOSTS.allows(f"https://verify.didit.me:{port}/")


@pytest.mark.parametrize("url", ["https://[::1/", "https://[verify.didit.me]/", "https://verify.didit.me]/"])
def test_broken_brackets_are_refused(url):
    assert not HOSTS.allows(url)


def test_plain_http_is_for_loopback_only():
    hosts = ProviderHosts(["127.0.0.1", "localhost", "10.0.0.1"])
    assert hosts.allows("http://127.0.0.1:9000/x") and hosts.allows("http://localhost/")
    assert not hosts.allows("http://10.0.0.1/")


def test_star_means_any_loopback_address_and_nothing_else():
    star = ProviderHosts(["*"])
    assert all(star.allows(f"http://{host}:9000/") for host in ("127.0.0.1", "[::1]", "localhost"))
    assert not star.allows("https://verify.didit.me/")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "gu1.localhost"])
def test_loopback_has_several_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "128.0.0.1", "localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost"]
)
def test_other_machines_are_not_loopback(host):
    assert not is_loopback(host)


@given(url=st.text() | st.text().map("https://{}".format) | st.text().map("https://{}verify.didit.me/".format))
def test_any_text_gets_an_answer(url):
    assert HOSTS.allows(url) in {True, False}
