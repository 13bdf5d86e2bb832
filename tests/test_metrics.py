import os
import subprocess
import sys

from portal.metrics import CONTENT_TYPE, Metrics

TWO_PROCESSES_WRITE_AND_ONE_READS = """
import os
from portal.metrics import Metrics
child = os.fork()
metrics = Metrics()
metrics.count("stopped")
if child:
    os.waitpid(child, 0)
    print(metrics.page().decode())
"""


def test_events_are_counted_by_their_labels():
    metrics = Metrics()
    metrics.count("started", country="AR")
    metrics.count("started", country="AR")
    metrics.count("started", country="BR")
    page = metrics.page().decode()
    assert 'portal_started_total{country="AR"} 2.0' in page
    assert 'portal_started_total{country="BR"} 1.0' in page


def test_events_without_labels_are_shown_from_the_start():
    metrics = Metrics()
    assert "portal_stopped_total 0.0" in metrics.page().decode()
    metrics.count("stopped")
    assert "portal_stopped_total 1.0" in metrics.page().decode()


def test_calls_to_gu1_are_timed_by_operation_and_outcome():
    metrics = Metrics()
    metrics.gu1_call("create_validation", "ok", 0.2)
    page = metrics.page().decode()
    assert 'portal_gu1_seconds_count{operation="create_validation",outcome="ok"} 1.0' in page
    assert 'portal_gu1_seconds_sum{operation="create_validation",outcome="ok"} 0.2' in page


def test_each_number_has_a_help_line_and_is_its_own_portals():
    page = Metrics().page().decode()
    assert page.count("# HELP portal_") >= page.count("# TYPE portal_") > 10
    first, second = Metrics(), Metrics()
    first.count("retried")
    assert "portal_retried_total 0.0" in second.page().decode()
    assert CONTENT_TYPE.startswith("text/plain")


def test_worker_processes_are_added_up(tmp_path):
    shared = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", TWO_PROCESSES_WRITE_AND_ONE_READS]
    shown = subprocess.run(command, env=shared, capture_output=True, text=True, timeout=30, check=True)
    assert "portal_stopped_total 2.0" in shown.stdout
