"""The image, built step by step without an engine, and run as its user on a root that nobody can write.

Needs root, buildah and debootstrap, and takes minutes: `make image-test`. What the Dockerfile names as Python's image
is a bare Debian here, so this says nothing of that image. IMAGE_BASE names a folder to keep that Debian in.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from itertools import takewhile
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.ports import free_port
from tests.receiver import receiving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image")]
TOOLS = ("buildah", "debootstrap", "unshare")
PACKAGES = "python3,python3-venv,ca-certificates"
LARGEST = 180 * 1024 * 1024
"""Bytes above the base."""
READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"
mount -t tmpfs tmpfs "$1/tmp" && mount -t tmpfs -o uid=10001,gid=10001 tmpfs "$1/data"
mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev"
root="$1"; shift
exec chroot --userspec=10001:10001 "$root" env -i PATH=/app/bin:/usr/bin:/bin HOME=/data "$@"
"""


class Builder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._options = ["--root", str(folder / "store"), "--runroot", str(folder / "run")]

    def __call__(self, *arguments: str) -> str:
        environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
        command = ["buildah", *self._options, *arguments]
        ran = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (ran.stdout + ran.stderr)[-3000:]
        return ran.stdout.strip()


def bootstrap(base: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(base)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no Debian packages: {made.stdout.strip().splitlines()[-1:]}")
    (base / "usr/bin/python").symlink_to("python3")


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing or TOOLS)}")
    folder = tmp_path_factory.mktemp("image")
    base = Path(os.environ.get("IMAGE_BASE", folder / "base"))
    if not base.exists():
        bootstrap(base)
    builder = Builder(folder)
    container = builder("from", "scratch")
    builder("add", "--quiet", container, str(base), "/")
    builder("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", container)
    builder("commit", "--quiet", "--rm", container, "docker.io/library/python:bare")
    yield builder
    builder("rm", "--all")
    builder("rmi", "--all", "--force")


def built(builder: Builder, tag: str, *options: str) -> str:
    """With the index and authority that IMAGE_PIP_CONF and IMAGE_CA name, as a private build has them."""
    named = {"pip": os.environ.get("IMAGE_PIP_CONF"), "ca": os.environ.get("IMAGE_CA")}
    secrets = [f"--secret=id={name},src={path}" for name, path in named.items() if path]
    fixed = ("--pull=never", "--network=host", "--layers", "--build-arg=PYTHON=bare", *secrets)
    builder("build", *fixed, *options, f"--tag={tag}", ".")
    return tag


@pytest.fixture(scope="module")
def image(builder):
    return built(builder, "portal")


@pytest.fixture(scope="module")
def demo_root(builder, image):
    """After the other, whose steps it begins with."""
    demo = built(builder, "portal-demo", "--target=demo")
    return Path(builder("mount", builder("from", "--pull=never", demo)))


@pytest.fixture(scope="module")
def root(builder, image):
    return Path(builder("mount", builder("from", "--pull=never", image)))


def test_it_runs_as_a_number_and_says_how_it_is(builder, image):
    told = json.loads(builder("inspect", "--type=image", image))["Docker"]["config"]
    assert told["User"] == "10001:10001"
    assert told["Labels"]["org.opencontainers.image.title"] == "KYC onboarding portal"
    assert told["Cmd"][:2] == ["portal", "serve"]


def test_it_has_no_installer_and_is_small(root):
    assert not [*root.glob("app/lib/python*/site-packages/pip"), *root.glob("app/bin/pip*")]
    assert not (root / "src").exists()
    used = sum(file.lstat().st_size for file in (root / "app").rglob("*") if not file.is_symlink())
    assert used < LARGEST


@pytest.mark.parametrize("name", ["sh", "bash", "dash", "perl", "apt-get", "dpkg", "gcc", "cc"])
def test_it_has_no_shell_package_manager_or_compiler(root, name):
    assert not [path for path in ("bin", "sbin", "usr/bin", "usr/sbin", "app/bin") if (root / path / name).is_file()]


def test_it_serves_on_a_root_that_nobody_can_write(root):
    serves(root)
    assert not [*root.glob("app/lib/python*/site-packages/opentelemetry")]


def test_it_sends_traces_if_it_is_built_for_them(builder, image):
    traced = built(builder, "portal-traced", "--build-arg=REQUIREMENTS=opentelemetry")
    root = Path(builder("mount", builder("from", "--pull=never", traced)))
    with receiving() as collector:
        serves(root, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.url)
        assert b"kyc-portal" in b"".join(it.body for it in collector.deliveries)


def serves(root: Path, **more: str) -> None:
    port = free_port()
    settings = {"GU1_API_KEY": "key", "GU1_WEBHOOK_SECRETS": "secret", "GU1_BASE_URL": "http://127.0.0.1:1"}
    settings |= {"PORTAL_DATABASE_URL": "sqlite:////data/portal.db", "PYTHONDONTWRITEBYTECODE": "1"} | more
    told = [f"{name}={value}" for name, value in settings.items()]
    inside = ["portal", "serve", "--port", str(port), "--workers", "1"]
    command = ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh", str(root), *told, *inside]
    with subprocess.Popen(command) as served:
        try:
            assert answers(port, served)
        finally:
            served.terminate()


def test_demo_runs_portal_mock_and_shop_by_one_command(demo_root):
    ports = [free_port() for _ in range(4)]
    inside = ["PYTHONPATH=/demo", "PYTHONUNBUFFERED=1", "portal", "demo", "--host", "127.0.0.1", "--folder", "/data"]
    inside += ["--ports", ",".join(map(str, ports))]
    command = ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh", str(demo_root), *inside]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            said = "".join(takewhile(lambda line: line != "  Ctrl-C stops all.\n", running.stdout))
            assert running.poll() is None, said
            addresses = [f"http://127.0.0.1:{ports[0]}/readyz", *(f"http://127.0.0.1:{it}/" for it in ports[1:3])]
            for address in addresses:
                with urllib.request.urlopen(address, timeout=10) as answer:
                    assert answer.status == 200
            assert "KEY=kyc_" in said and "99990001" in said
        finally:
            running.terminate()
            assert running.wait(30) == 0


def answers(port: int, served: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60
    while served.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.5)
    return False
