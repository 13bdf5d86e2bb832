import os
import subprocess
import sys
import threading

import pytest

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


A_PROCESS_IS_REPLACED = """
import os
from portal.metrics import Metrics, shared_page
replaced = os.fork()
metrics = Metrics()
metrics.show("gu1_breakers_open", 1)
metrics.count("stopped")
if replaced:
    os.waitpid(replaced, 0)
    print(shared_page().decode())
else:
    os._exit(0)
"""


def test_what_a_replaced_process_counted_stays_and_what_it_was_is_gone(tmp_path):
    shared = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", A_PROCESS_IS_REPLACED]
    shown = subprocess.run(command, env=shared, capture_output=True, text=True, timeout=30, check=True)
    assert "portal_stopped_total 2.0" in shown.stdout
    assert "portal_gu1_breakers_open 1.0" in shown.stdout


def test_durations_are_shown_in_buckets():
    metrics = Metrics()
    metrics.observe("stage_seconds", 5.0, stage="waiting")
    metrics.observe("stage_seconds", 50.0, stage="waiting")
    page = metrics.page().decode()
    assert 'portal_stage_seconds_bucket{le="10.0",stage="waiting"} 1.0' in page
    assert 'portal_stage_seconds_sum{stage="waiting"} 55.0' in page


A_PROCESS_ANSWERS_AND_ONE_READS = """
import os
from portal.metrics import MOST_UNWRITTEN, Metrics, shared_page
child = os.fork()
metrics = Metrics()
if child:
    os.waitpid(child, 0)
    print(shared_page().decode())
else:
    for _ in range(2 * MOST_UNWRITTEN + 1):
        metrics.observe("step_seconds", 0.125, step="create", outcome="done")
    {flush}
    os._exit(0)
"""


@pytest.mark.parametrize(("flush", "seen"), [("metrics.flush()", 129), ("", 128)])
def test_other_processes_see_durations_by_the_batch_and_all_after_a_flush(tmp_path, flush, seen):
    shared = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", A_PROCESS_ANSWERS_AND_ONE_READS.format(flush=flush)]
    shown = subprocess.run(command, env=shared, capture_output=True, text=True, timeout=30, check=True).stdout
    assert f'portal_step_seconds_count{{outcome="done",step="create"}} {seen}.0' in shown
    assert f'portal_step_seconds_bucket{{le="0.2",outcome="done",step="create"}} {seen}.0' in shown
    assert 'portal_step_seconds_bucket{le="0.05",outcome="done",step="create"} 0.0' in shown
    assert f'portal_step_seconds_sum{{outcome="done",step="create"}} {seen / 8}' in shown


def test_no_duration_is_lost_between_threads():
    metrics, together = Metrics(), threading.Barrier(4)

    def observe():
        together.wait()
        for _ in range(1000):
            metrics.observe("step_seconds", 1.0, step="create", outcome="done")

    threads = [threading.Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 'portal_step_seconds_sum{outcome="done",step="create"} 4000.0' in metrics.page().decode()
