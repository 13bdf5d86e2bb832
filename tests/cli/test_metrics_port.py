import socket
import struct
import subprocess
import sys
from contextlib import ExitStack

import httpx
import pytest

from portal.cli.limited_threads import MOST_CONNECTIONS, LimitedThreads
from tests.local_http import LOCAL
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


@pytest.fixture
def serve(tmp_path):
    """Starts it with this token, and gives its port."""
    with ExitStack() as running:

        def serve(token=""):
            port = free_port()
            command = [sys.executable, "-c", SERVE, str(port), token]
            env = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
            server = running.enter_context(
                subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            running.callback(server.stdin.close)
            assert server.stdout.readline() == b"ready\n"
            return port

        yield serve


@pytest.mark.long
@pytest.mark.asvs("3.5.4", "13.4.5")
@pytest.mark.parametrize("token", ["", TOKEN])
def test_metrics_are_on_their_own_port_and_nothing_else(serve, token):
    with httpx.Client(base_url=f"http://127.0.0.1:{serve(token)}", **LOCAL) as client:
        right = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert "portal_stopped_total 1.0" in right.text
        assert client.get("/metrics").status_code == (401 if token else 200)
        assert [client.get(path).status_code for path in ("/", "/readyz", "/metrics/x")] == [404] * 3
        assert client.post("/metrics").status_code == 501


@pytest.mark.long
def test_idle_connections_use_up_no_more_than_their_places(serve):
    port = serve()
    with ExitStack() as idle:
        held = [idle.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(MOST_CONNECTIONS + 20)]
        for connection in held[MOST_CONNECTIONS:]:
            connection.settimeout(5)
            assert connection.recv(1) == b"", "closed at once"
        held[0].sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert held[0].recv(12) == b"HTTP/1.0 200"
    assert httpx.get(f"http://127.0.0.1:{port}/metrics", **LOCAL).status_code == 200


@pytest.mark.long
def test_token_of_strange_bytes_is_refused_and_a_client_that_hangs_up_leaves_no_trace(serve, capfd):
    port = serve(TOKEN)
    with socket.create_connection(("127.0.0.1", port)) as strange:
        strange.sendall(b"GET /metrics HTTP/1.0\r\nAuthorization: Bearer \xff\r\n\r\n")
        assert strange.recv(12) == b"HTTP/1.0 401"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.sendall(f"GET /metrics HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"http://127.0.0.1:{port}/metrics", headers=right, **LOCAL).status_code == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("error", "lines"), [(ValueError("bug"), 1), (ConnectionResetError(), 0), (TimeoutError(), 0)])
def test_a_bug_is_a_line_of_the_log_and_a_client_that_hangs_up_is_none(caplog, error, lines):
    try:
        raise error
    except type(error):
        LimitedThreads.handle_error(None, None, None)
    assert len(caplog.records) == lines
