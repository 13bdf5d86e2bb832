"""What lies in deploy/ fits the code: settings, metrics, probes and ports."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from portal.cli import main
from portal.cli.config_command import example_file
from portal.config import FIELDS
from portal.metrics import Metrics
from tests.documents import OPERATING, ROOT
from tests.test_documents import commands

DEPLOY = ROOT / "deploy"
ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
BAD_DAY = yaml.safe_load((DEPLOY / "alerts.test.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text())
MANIFESTS = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def metrics():
    """By name, without what Prometheus adds for histograms."""
    return set(re.findall(r"^# TYPE (\w+)", Metrics().page().decode(), re.MULTILINE))


def queries():
    rules = [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_example_of_settings_is_made_from_the_settings():
    assert (ROOT / ".env.example").read_text() == example_file()


def test_alerts_and_dashboard_ask_for_metrics_that_there_are():
    asked = {re.sub(r"_(bucket|count|sum)$", "", it) for query in queries() for it in re.findall(r"portal_\w+", query)}
    assert asked and asked - metrics() == set()


def test_every_panel_says_what_to_do_by_commands_and_documents_that_there_are():
    said = [panel["description"] for panel in DASHBOARD["panels"]]
    assert all(said)
    said += [rule["annotations"]["summary"] for group in ALERTS["groups"] for rule in group["rules"]]
    known = {name.split(" ", 1)[1] for name, _ in commands(main)}
    for name in re.findall(r"\bportal ((?:onboarding|partner) \w+|check|status)", " ".join(said)):
        assert name in known
    for document, heading in re.findall(r"(docs/\w+\.md), (.+?), says", " ".join(said)):
        assert re.search(rf"^#+ {heading}$", (ROOT / document).read_text(), re.MULTILINE)


def test_every_label_that_is_asked_for_is_one_of_its_metric():
    documented = OPERATING.read_text()
    for name, labels in re.findall(r"(portal_\w+?)(?:_bucket|_count)?\{([^}]*)\}", " ".join(queries())):
        row = next(line for line in documented.splitlines() if line.startswith(f"| `{name}` |"))
        for label in re.findall(r"(\w+)=", labels):
            assert f"`{label}`" in row


@needs_promtool
def test_alert_rules_are_valid():
    subprocess.run(["promtool", "check", "rules", DEPLOY / "alerts.yaml"], check=True, capture_output=True)


@pytest.mark.long
@needs_promtool
def test_each_rule_fires_on_a_bad_day_and_no_sooner():
    ran = subprocess.run(
        ["promtool", "test", "rules", DEPLOY / "alerts.test.yaml"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_bad_day_is_of_metrics_that_there_are_and_tries_every_rule():
    day, partners = BAD_DAY["tests"]
    series = [it["series"] for test in (day, partners) for it in test["input_series"]]
    named = {re.match(r"\w+", it)[0] for it in series} - {"up"}
    assert {re.sub(r"_(bucket|count|sum)$", "", it) for it in named} - metrics() == set()
    fired = [it["alertname"] for it in day["alert_rule_test"] if it["exp_alerts"]]
    silent = [it["alertname"] for it in day["alert_rule_test"] if not it["exp_alerts"]]
    assert sorted(fired) == sorted(silent) == sorted(it["alert"] for group in ALERTS["groups"] for it in group["rules"])


def test_what_is_asked_of_a_bad_day_is_what_the_dashboard_shows():
    asked = {it["expr"] for test in BAD_DAY["tests"] for it in test.get("promql_expr_test", ())}
    shown = {target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    assert asked and asked <= shown


def test_settings_in_the_manifests_are_settings():
    named = set()
    for path in [*(DEPLOY / "kubernetes").glob("*.yaml"), *DEPLOY.glob("*.*")]:
        named |= set(re.findall(r"\b((?:PORTAL|GU1)_[A-Z0-9_]+)", path.read_text()))
    assert named - FIELDS.keys() == set()


def test_probes_and_ports_are_the_portals():
    (deployment,) = [it for it in MANIFESTS if it["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"/readyz", "/healthz"}
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
    assert pod["enableServiceLinks"] is False
    assert pod["terminationGracePeriodSeconds"] > 10


def test_everything_in_the_folder_is_applied():
    (kustomization,) = [it for it in MANIFESTS if it["kind"] == "Kustomization"]
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


@pytest.mark.asvs("13.2.2")
@needs_systemd
def test_systemd_unit_is_valid(tmp_path):
    unit = tmp_path / "portal.service"
    unit.write_text((DEPLOY / "portal.service").read_text().replace("/opt/portal/bin/portal", "/bin/true"))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert str(unit.name) not in checked.stderr
