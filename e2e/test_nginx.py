"""The configuration for nginx in deploy/, in front of two portals, over TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest
import trustme

from e2e.servers import mock_gu1, on_database, portal, sqlite_in
from tests.documents import ROOT
from tests.ports import free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx")


@contextmanager
def nginx(folder, port, portals, authority):
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    servers = "\n".join(f"server 127.0.0.1:{it} max_fails=0;" for it in portals)
    for written, here in {
        "server 127.0.0.1:8000 max_fails=0;": servers,
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "verify.example.com": "localhost",
        "/etc/ssl/portal": str(folder),
    }.items():
        assert written in site
        site = site.replace(written, here)
    temporary = "".join(
        f"{it}_temp_path {folder}/{it};\n" for it in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{whole}http {{ access_log off;\n{temporary}{site} }}\n")
    with subprocess.Popen([NGINX, "-e", folder / "error.log", "-c", folder / "nginx.conf"]) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture
def behind_nginx(tmp_path):
    """A client of the site, and the two portals behind it."""
    authority, port, ports = trustme.CA(), free_port(), [free_port(), free_port()]
    settings = on_database(sqlite_in(tmp_path)) | {
        "PORTAL_BASE_URL": f"https://localhost:{port}",
        "PORTAL_TRUSTED_PROXIES": "1",
        "PORTAL_SECRET_KEYS": "k-7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp3",
    }
    gu1 = mock_gu1(tmp_path, port=free_port(), portal_url=f"https://localhost:{port}")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with gu1:
        doors = [portal(tmp_path, port=it, gu1_url=gu1.url, env=settings) for it in ports]
        client = httpx.Client(base_url=f"https://localhost:{port}", verify=context, trust_env=False)
        with doors[0], doors[1], nginx(tmp_path, port, ports, authority), client:
            _wait_for(client)
            yield client, doors


def _wait_for(client):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.get("/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("nginx did not come up")


def test_pages_come_through_as_the_portal_sends_them(behind_nginx):
    client, _ = behind_nginx
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] and "X-Request-Id" in page.headers
    assert client.post("/", data={"country": "AR"}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 400
    assert client.post("/", data={"country": "AR"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/metrics").status_code == 404
    assert client.get("/healthz", headers={"X_Forwarded_Host": "evil.example"}).status_code == 200


def test_visitors_cannot_flood_the_form(behind_nginx):
    client, _ = behind_nginx
    answers = [client.post("/", data={}).status_code for _ in range(40)]
    assert 429 in answers
    assert client.get("/").status_code == 200


def test_replica_that_stops_and_starts_is_not_noticed(behind_nginx):
    client, doors = behind_nginx
    answers = []
    for door in doors:
        door.stop()
        answers += [client.get("/").status_code for _ in range(20)]
        door.start()
        answers += [client.get("/").status_code for _ in range(20)]
    assert set(answers) == {200}
