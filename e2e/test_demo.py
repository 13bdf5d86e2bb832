"""`portal demo`, with nothing but what the image's target `demo` copies beside the portal."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import httpx
import pytest

from tests.documents import ROOT
from tests.local_http import LOCAL
from tests.ports import free_port

COPIED = re.compile(r"^COPY (?!--from)(.+) /demo/(\S+)$", re.MULTILINE)


@pytest.fixture
def image(tmp_path):
    """The folder /demo of the image."""
    _, _, stage = (ROOT / "Dockerfile").read_text().partition("AS demo\n")
    for sources, target in COPIED.findall(stage):
        folder = tmp_path / "demo" / target
        for source in map(ROOT.joinpath, sources.split()):
            if source.is_dir():
                shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder)
    return tmp_path / "demo"


@pytest.mark.slow
def test_one_command_runs_portal_mock_and_shop(image, tmp_path):
    ports = [free_port() for _ in range(4)]
    command = [sys.executable, "-m", "portal", "demo", "--folder", str(tmp_path / "data")]
    command += ["--ports", ",".join(map(str, ports))]
    only = os.environ | {"PYTHONPATH": f"{image}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(command, cwd=tmp_path, env=only, stdout=subprocess.PIPE, text=True)
    with started as running:
        try:
            said = "".join(takewhile(lambda line: line != "  Ctrl-C stops all.\n", running.stdout))
            assert running.poll() is None, said
            portal, mock, shop, _ = (f"http://127.0.0.1:{port}" for port in ports)
            with httpx.Client(**LOCAL) as client:
                assert [client.get(it).status_code for it in (f"{portal}/readyz", mock, shop)] == [200] * 3
                key = re.search(r"KEY=(\S+)", said)[1]
                body = {"external_id": "customer-7", "return_url": f"{shop}/done"}
                headers = {"Authorization": f"Bearer {key}"}
                made = client.post(f"{portal}/api/v1/onboardings", json=body, headers=headers)
            assert made.status_code == 201 and Path(tmp_path / "data" / "portal.db").exists()
            assert "99990001" in said
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
