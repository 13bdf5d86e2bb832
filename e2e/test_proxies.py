"""The configurations for nginx and Caddy in deploy/, in front of two portals, over TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import trustme
from playwright.sync_api import expect

from e2e.pages.applicant import Applicant, a_document_number
from e2e.proxies import CADDY, NGINX, caddy, nginx, wait_for
from e2e.servers import mock_gu1, on_database, portal, sqlite_in
from tests.ports import free_port

needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx")
needs_caddy = pytest.mark.skipif(CADDY is None, reason="needs Caddy")


STRIPS_AND_ADDS = """
    proxy_hide_header Referrer-Policy;
    add_header Referrer-Policy no-referrer always;
    add_header Seen-Origin $http_origin always;
    proxy_set_header HX-Request "";
    proxy_set_header HX-Target "";
    proxy_set_header HX-Trigger "";
    proxy_set_header HX-Current-URL "";
    proxy_set_header HX-Boosted "";
    proxy_set_header X-Requested-With "";
"""
"""What some companies' proxies do to all sites behind them. With this policy browsers send `Origin: null`."""


@contextmanager
def two_portals_behind(folder, proxy, **options):
    """A client of the site, and the two portals behind it."""
    authority, port, ports = trustme.CA(), free_port(), [free_port(), free_port()]
    settings = on_database(sqlite_in(folder)) | {
        "PORTAL_BASE_URL": f"https://localhost:{port}",
        "PORTAL_TRUSTED_PROXIES": "1",
        "PORTAL_SECRET_KEYS": "k-7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp3",
    }
    gu1 = mock_gu1(folder, port=free_port(), portal_url=f"https://localhost:{port}")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with gu1:
        doors = [portal(folder, port=it, gu1_url=gu1.url, env=settings) for it in ports]
        client = httpx.Client(base_url=f"https://localhost:{port}", verify=context, trust_env=False)
        with doors[0], doors[1], proxy(folder, port, ports, authority, **options), client:
            wait_for(client)
            yield client, doors


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(nginx, marks=needs_nginx, id="nginx"),
        pytest.param(caddy, marks=[needs_caddy, pytest.mark.slow], id="caddy"),
    ],
)
def behind_proxy(request, tmp_path_factory):
    with two_portals_behind(tmp_path_factory.mktemp("proxy"), request.param) as running:
        yield running


def test_pages_come_through_as_the_portal_sends_them(behind_proxy):
    client, _ = behind_proxy
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] and "X-Request-Id" in page.headers
    assert client.post("/", data={"country": "AR"}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 400
    assert client.post("/", data={"country": "AR"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/metrics").status_code == 404
    assert client.get("/healthz", headers={"X_Forwarded_Host": "evil.example"}).status_code == 200


def test_visitors_cannot_flood_the_form_where_the_proxy_can_limit(behind_proxy, request):
    """Caddy cannot, without a module that is not its own; there the portal's own limits of starts are left."""
    client, _ = behind_proxy
    answers = [client.post("/", data={}).status_code for _ in range(40)]
    assert (429 in answers) is (request.node.callspec.id == "nginx")
    assert client.get("/").status_code == 200


@needs_nginx
def test_slow_clients_of_one_address_leave_nginx_to_the_others(tmp_path):
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with two_portals_behind(tmp_path, nginx) as (client, _), ExitStack() as open_ones:
        site = client.base_url
        for _ in range(256):
            plain = socket.create_connection((site.host, site.port), timeout=10)
            slow = open_ones.enter_context(anybody.wrap_socket(plain, server_hostname=site.host))
            slow.sendall(head)
        deadline = time.monotonic() + 10
        while client.get("/").status_code != 429 and time.monotonic() < deadline:
            pass  # until nginx has read all those heads
        assert client.get("/").status_code == 429
        elsewhere = httpx.HTTPTransport(verify=anybody, local_address="127.0.0.2")
        with httpx.Client(base_url=site, transport=elsewhere) as other:
            assert other.get("/").status_code == 200


def test_replica_that_stops_and_starts_is_not_noticed(behind_proxy):
    client, doors = behind_proxy
    answers = []
    for door in doors:
        door.stop()
        answers += [client.get("/").status_code for _ in range(20)]
        door.start()
        answers += [client.get("/").status_code for _ in range(20)]
    assert set(answers) == {200}


class Drops(BaseHTTPRequestHandler):
    """As a replica that ends between accepting a connection and reading from it."""

    def handle(self):
        self.connection.recv(65536)


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.do_POST()

    def log_message(self, *_):
        pass


@contextmanager
def serving_on_a_port(handler):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@needs_nginx
def test_what_a_stopping_replica_drops_goes_to_the_next_one(tmp_path):
    authority, port, context = trustme.CA(), free_port(), ssl.create_default_context()
    authority.configure_trust(context)
    with (
        serving_on_a_port(Drops) as dropping,
        serving_on_a_port(Answers) as other,
        nginx(tmp_path, port, [dropping, other], authority),
        httpx.Client(base_url=f"https://localhost:{port}", verify=context, trust_env=False) as client,
    ):
        wait_for(client)
        assert {client.post(path, content=b"{}").status_code for path in ("/", "/webhooks/gu1") * 4} == {200}


@needs_nginx
def test_headers_that_a_proxy_strips_and_adds_stop_nobody(browser, tmp_path):
    with (
        two_portals_behind(tmp_path, nginx, also=STRIPS_AND_ADDS) as (client, _),
        browser.new_context(ignore_https_errors=True) as context,
    ):
        page, origins = context.new_page(), []
        page.on("response", lambda it: origins.append(it.headers.get("seen-origin")) if it.status == 303 else None)
        applicant = Applicant(page, str(client.base_url).rstrip("/"))
        applicant.open_form()
        page.locator("[name=country]").select_option("BR")
        expect(page.locator("label", has_text="CPF")).to_be_visible()
        applicant.start(a_document_number())
        applicant.sees_stage("ready")
        assert origins[0] == "null"
        assert page.locator("header, #status, main").count() == 3
        sent = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
        assert client.post("/", data={"country": "AR"}, headers=sent).status_code == 403
