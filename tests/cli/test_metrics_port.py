import subprocess
import sys

import httpx
import pytest

from tests.ports import free_port

TOKEN = "m3trics-Token-0f-the-tests"
SERVE = """
import sys
from portal.cli.metrics_port import metrics_server
with metrics_server("127.0.0.1", int(sys.argv[1]), sys.argv[2] or None):
    from portal.metrics import Metrics
    Metrics().count("stopped")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.long
@pytest.mark.asvs("3.5.4", "13.4.5")
@pytest.mark.parametrize("token", ["", TOKEN])
def test_metrics_are_on_their_own_port_and_nothing_else(tmp_path, token):
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(port), token]
    env = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout.readline() == b"ready\n"
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                right = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
                assert "portal_stopped_total 1.0" in right.text
                assert client.get("/metrics").status_code == (401 if token else 200)
                assert [client.get(path).status_code for path in ("/", "/readyz", "/metrics/x")] == [404] * 3
                assert client.post("/metrics").status_code == 501
        finally:
            server.stdin.close()
