"""The configurations for nginx and Caddy in deploy/, in front of two portals, over TLS."""

from __future__ import annotations

import ssl

import httpx
import pytest
import trustme

from e2e.proxies import CADDY, NGINX, caddy, nginx, wait_for
from e2e.servers import mock_gu1, on_database, portal, sqlite_in
from tests.ports import free_port

needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx")
needs_caddy = pytest.mark.skipif(CADDY is None, reason="needs Caddy")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(nginx, marks=needs_nginx, id="nginx"),
        pytest.param(caddy, marks=[needs_caddy, pytest.mark.slow], id="caddy"),
    ],
)
def behind_proxy(request, tmp_path_factory):
    """A client of the site, and the two portals behind it."""
    folder = tmp_path_factory.mktemp("proxy")
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
        with doors[0], doors[1], request.param(folder, port, ports, authority), client:
            wait_for(client)
            yield client, doors


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


def test_replica_that_stops_and_starts_is_not_noticed(behind_proxy):
    client, doors = behind_proxy
    answers = []
    for door in doors:
        door.stop()
        answers += [client.get("/").status_code for _ in range(20)]
        door.start()
        answers += [client.get("/").status_code for _ in range(20)]
    assert set(answers) == {200}
