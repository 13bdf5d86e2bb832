import pytest

from portal.domain.web_addresses import as_browsers_ask, ascii_host, is_loopback, split_web_url

HOSTS = {
    "Example.COM": "example.com",
    "ñandú.example": "xn--and-6ma2c.example",
    "ÑANDÚ.example": "xn--and-6ma2c.example",
    "xn--and-6ma2c.example": "xn--and-6ma2c.example",
    "127.0.0.1": "127.0.0.1",
    "0:0::1": "::1",
    "localhost": "localhost",
}


@pytest.mark.parametrize(("host", "written"), HOSTS.items(), ids=HOSTS)
def test_host_has_one_form(host, written):
    assert ascii_host(host) == ascii_host(ascii_host(host)) == written


NO_HOSTS = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "a b",
    "a;b",
    "a/b",
    "a:80",
    "a@b",
    "a_b",
    "-a",
    "a-",
    "a" * 64,
    "a." * 130 + "a",
]
NO_HOSTS += ["1.2.3", "127.1", "0x7f.1", "127.0.0.01", "256.1.1.1", "fe80::1%eth0", "[::1]", "a\nb", "a\x00", "\ud800"]
NO_HOSTS += ["straße.example", "a\u200db.example", "xn--.example.1", "a*b", "*", "'none'"]


@pytest.mark.asvs("1.1.1")
@pytest.mark.parametrize("host", NO_HOSTS, ids=ascii)
def test_what_parsers_read_differently_is_no_host(host):
    with pytest.raises(ValueError, match="is not a host name") as refused:
        ascii_host(host)
    assert refused.value.__cause__ is None


URLS = {
    "https://Ñandú.example:443/a?b=%2F#c": "https://xn--and-6ma2c.example/a?b=%2F#c",
    "HTTP://127.0.0.1:80": "http://127.0.0.1",
    "http://[0::1]:9000/": "http://[::1]:9000/",
    "https://a.example:": "https://a.example",
}


@pytest.mark.parametrize(("url", "written"), URLS.items(), ids=URLS)
def test_url_has_its_host_and_port_in_one_form(url, written):
    assert split_web_url(url).geturl() == written


NO_URLS = ["", "a.example", "//a.example", "ftp://a.example", "https://", "https://u@a.example", "https://@a.example"]
NO_URLS += [
    "https://a.example:x",
    "https://a.example:70000",
    "https://[a.example]",
    "https://a]",
    "https://a.example\\b",
]
NO_URLS += ["https://a.example/\n", "https://a..example", "https://[127.0.0.1]", "https://[::1]a", "https://[::1%251]"]


@pytest.mark.parametrize("url", NO_URLS, ids=ascii)
def test_other_texts_are_no_urls(url):
    with pytest.raises(ValueError, match=r"must be|is not"):
        split_web_url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "gu1.localhost"])
def test_loopback_has_several_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "128.0.0.1", "localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost"]
)
def test_other_machines_are_not_loopback(host):
    assert not is_loopback(host)


# What Chromium and Firefox make of each; where they differ, what both leave as it is.
ASKED = {
    "https://a.example": "https://a.example/",
    "https://a.example?x": "https://a.example/?x",
    "https://A.example:443/b?": "https://a.example/b",
    "https://a.example/x y?x y": "https://a.example/x%20y?x%20y",
    "https://a.example/\"'<>?\"'<>": "https://a.example/%22'%3C%3E?%22%27%3C%3E",
    "https://a.example/^`{|}?^`{|}": "https://a.example/%5E%60%7B%7C%7D?^`{|}",
    "https://a.example/[]!$&()*+,;=:@~?[]!$&()*+,;=:@~/?": "https://a.example/[]!$&()*+,;=:@~?[]!$&()*+,;=:@~/?",
    "https://a.example/?a\\b": "https://a.example/?a\\b",
    "https://a.example/%41%zz?%41%zz": "https://a.example/%41%zz?%41%zz",
    "https://a.example/ñ?ñ😀": "https://a.example/%C3%B1?%C3%B1%F0%9F%98%80",
    "https://a.example/b/../c": "https://a.example/c",
    "https://a.example/b/%2e%2E/.%2e/c/.": "https://a.example/c/",
    "https://a.example/b/..": "https://a.example/",
    "https://a.example/../../b/./c": "https://a.example/b/c",
    "https://a.example/b//c/...": "https://a.example/b//c/...",
    "https://a.example/?b/../c": "https://a.example/?b/../c",
}


@pytest.mark.parametrize(("url", "asked"), ASKED.items(), ids=ascii)
def test_url_is_as_browsers_ask_for_it(url, asked):
    assert as_browsers_ask(url) == as_browsers_ask(asked) == asked
