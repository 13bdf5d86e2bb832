import pytest
from werkzeug.test import create_environ, run_wsgi_app

from portal.web.forwarded_headers import ForwardedHeaders


def seen_behind(hops, **headers):
    """Address and scheme as the pages see them, and the forwarded headers that are left."""
    seen = {}

    def page(environ, start_response):
        seen.update(environ)
        start_response("200 OK", [])
        return []

    run_wsgi_app(
        ForwardedHeaders(page, hops=hops), create_environ(environ_overrides={"REMOTE_ADDR": "192.0.2.1"} | headers)
    )
    left = {name for name in seen if name.startswith("HTTP_X_FORWARDED")}
    return seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], left


FORGED = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "example.com",
    "HTTP_X_FORWARDED_PREFIX": "/x",
    "HTTP_X_FORWARDED_SERVER": "x",
}


@pytest.mark.asvs("4.1.3")
def test_without_a_proxy_nothing_is_believed_or_even_seen():
    assert seen_behind(0, **FORGED) == ("192.0.2.1", "http", set())


@pytest.mark.asvs("15.3.4")
@pytest.mark.parametrize(
    ("hops", "said", "address"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "[::ffff:203.0.113.9]:80", "203.0.113.9"),
        (2, "203.0.113.9:1, 198.51.100.2:2", "203.0.113.9"),
    ],
)
def test_as_many_proxies_as_there_are_name_the_visitor(hops, said, address):
    assert seen_behind(hops, HTTP_X_FORWARDED_FOR=said)[0] == address


@pytest.mark.asvs("15.3.4")
@pytest.mark.parametrize(
    "said",
    [
        "",
        ",",
        "unknown",
        "203.0.113.9,",
        "203.0.113.9:",
        "203.0.113.9:x",
        "[203.0.113.9",
        "2001:db8::1]",
        "[x]:1",
        "fe80::1%eth0",
        "<script>",
        "1.2.3",
        "_hidden",
        "203.0.113.9, x",
        "é",
    ],
)
def test_what_is_no_address_is_not_believed(said):
    assert seen_behind(1, HTTP_X_FORWARDED_FOR=said)[0] == "192.0.2.1"


@pytest.mark.asvs("4.1.3")
def test_of_two_proxies_one_value_is_too_few():
    assert seen_behind(2, HTTP_X_FORWARDED_FOR="203.0.113.9")[0] == "192.0.2.1"


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("http", "http"), ("gopher", "http"), ("HTTPS", "http")]
)
def test_scheme_is_http_or_https(said, scheme):
    assert seen_behind(1, HTTP_X_FORWARDED_PROTO=said)[1] == scheme
