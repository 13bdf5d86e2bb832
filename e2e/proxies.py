"""nginx and Caddy with their configuration from deploy/, on a port of this machine, over TLS with our own authority."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import trustme

from tests.documents import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CADDY = shutil.which("caddy")
DEPLOY = ROOT / "deploy"
HOST = "localhost"
_DOCUMENTED_HOST = "verify.example.com"
_PATIENCE = 20.0


@contextmanager
def nginx(folder: Path, port: int, portals: Sequence[int], authority: trustme.CA, *, also: str = "") -> Iterator[None]:
    """`also`: further lines of the server."""
    assert NGINX
    _write_certificate(folder, authority)
    site = _adapted(
        (DEPLOY / "nginx.conf").read_text(),
        {
            "server 127.0.0.1:8000 max_fails=0;": "\n".join(f"server 127.0.0.1:{it} max_fails=0;" for it in portals),
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;\n{also}",
            _DOCUMENTED_HOST: HOST,
            "/etc/ssl/portal": str(folder),
        },
    )
    temporary = "".join(
        f"{it}_temp_path {folder}/{it};\n" for it in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{ worker_connections 4096; }}\n"
    (folder / "nginx.conf").write_text(f"{whole}http {{ access_log off;\n{temporary}{site} }}\n")
    with _running(NGINX, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"), folder=folder):
        yield


@contextmanager
def caddy(folder: Path, port: int, portals: Sequence[int], authority: trustme.CA) -> Iterator[None]:
    """Without its administration port, and with a certificate that it need not get."""
    assert CADDY
    _write_certificate(folder, authority)
    site = _adapted(
        (DEPLOY / "Caddyfile").read_text(),
        {
            f"{_DOCUMENTED_HOST} {{": f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n"
            f"\ttls {folder}/fullchain.pem {folder}/key.pem",
            "reverse_proxy 127.0.0.1:8000 {": "reverse_proxy " + " ".join(f"127.0.0.1:{it}" for it in portals) + " {",
        },
    )
    options = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n}}\n"
    (folder / "Caddyfile").write_text(options + site)
    with _running(CADDY, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile"), folder=folder):
        yield


def wait_for(client: httpx.Client) -> None:
    """Until the proxy and a portal behind it answer."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            if client.get("/healthz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the proxy did not come up")


def _write_certificate(folder: Path, authority: trustme.CA) -> None:
    certificate = authority.issue_cert(HOST)
    certificate.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")


def _adapted(site: str, changes: Mapping[str, str]) -> str:
    for written, here in changes.items():
        assert written in site, written
        site = site.replace(written, here)
    return site


@contextmanager
def _running(*command: str, folder: Path) -> Iterator[None]:
    with (
        (folder / "proxy.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
