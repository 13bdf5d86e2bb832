import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.urls import iri_to_uri

from portal.domain.provider_hosts import ProviderHosts

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
    assert HOSTS.allowed(url)


@pytest.mark.asvs("3.7.2")
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
    assert not HOSTS.allowed(url)


@pytest.mark.asvs("1.2.2", "12.2.1")
@pytest.mark.parametrize("scheme", ["http", "ftp", "javascript", "data", "blob", "file", "httpss", ""])
def test_other_schemes_than_https_are_refused(scheme):
    assert not HOSTS.allowed(f"{scheme}://verify.didit.me/")


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
    assert not HOSTS.allowed(url)


@pytest.mark.parametrize("port", ["x", "99999", "-1", "80 80", "1\u0661"])
def test_impossible_ports_are_refused(port):
    assert not HOSTS.allowed(f"https://verify.didit.me:{port}/")


@pytest.mark.parametrize("url", ["https://[::1/", "https://[verify.didit.me]/", "https://verify.didit.me]/"])
def test_broken_brackets_are_refused(url):
    assert not HOSTS.allowed(url)


def test_plain_http_is_for_loopback_only():
    hosts = ProviderHosts(["127.0.0.1", "localhost", "10.0.0.1"])
    assert hosts.allowed("http://127.0.0.1:9000/x") and hosts.allowed("http://localhost/")
    assert not hosts.allowed("http://10.0.0.1/")


def test_star_means_any_loopback_address_and_nothing_else():
    star = ProviderHosts(["*"])
    assert all(star.allowed(f"http://{host}:9000/") for host in ("127.0.0.1", "[::1]", "localhost"))
    assert not star.allowed("https://verify.didit.me/")


def test_address_is_written_again_in_one_form():
    assert HOSTS.allowed("HTTPS://VERIFY.didit.me:443/a?b#c") == "https://verify.didit.me/a?b#c"
    assert HOSTS.allowed("https://a.EXAMPLE.com:8443") == "https://a.example.com:8443"


NO_NAMES = ["https://a..example.com/", "https://..example.com/", f"https://{'a' * 64}.example.com/"]
NO_NAMES += [
    "https://-a.example.com/",
    "https://a_b.example.com/",
    "https://a;b.example.com/",
    "https://%61.example.com/",
]
NO_NAMES += ["https://a,b.example.com/", "https://'a'.example.com/", f"https://{'a.' * 130}example.com/"]


@pytest.mark.parametrize("url", NO_NAMES)
def test_names_that_no_host_can_have_are_refused_below_a_suffix_too(url):
    assert HOSTS.allowed(url) is None


SETTINGS = [
    "x; script-src *",
    "x'",
    "a..example",
    ".",
    "..a",
    "*.example.com",
    "https://a.example",
    "a.example:443",
    "",
]
SETTINGS += ["a.example/x", "::1", "[::1]", "a b", "a,b", "1.2.3", "0x7f.1"]


@pytest.mark.parametrize("host", SETTINGS)
def test_settings_that_are_no_host_are_refused(host):
    with pytest.raises(ValueError, match=r"host|IPv6"):
        ProviderHosts([host])


@given(url=st.text() | st.text().map("https://{}".format) | st.text().map("https://{}verify.didit.me/".format))
def test_what_is_allowed_can_be_the_target_of_a_redirect(url):
    allowed = HOSTS.allowed(url)
    assert allowed is None or iri_to_uri(allowed).isascii()
