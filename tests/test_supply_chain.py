"""What others made is what was looked at: pinned by digest, and listed."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import pytest

from e2e.supply_chain import PYTHON_PINS, ROOT, RUNTIME, VENDORED, pins, sbom, vendored

PACKAGE = re.compile(r"^[a-z0-9][a-z0-9._-]*==", re.MULTILINE)


def test_vendored_files_are_the_recorded_ones():
    recorded = {it.file.name: it.sha256 for it in vendored()}
    present = {it.name: sha256(it.read_bytes()).hexdigest() for it in VENDORED.iterdir() if it.suffix == ".js"}
    assert recorded == present != {}


@pytest.mark.asvs("15.1.2")
def test_every_requirement_is_pinned_by_digest():
    for requirements in PYTHON_PINS:
        found = list(pins(requirements))
        assert len(found) == len(PACKAGE.findall(requirements.read_text())), requirements.name
        assert all(hashes for _, _, hashes in found)


@pytest.mark.asvs("15.1.2")
def test_bill_of_materials_lists_everything_that_is_shipped():
    bill = sbom()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {it["purl"] for it in bill["components"]}
    assert listed == {f"pkg:pypi/{name}@{version}" for name, version, _ in pins(RUNTIME)} | {
        f"pkg:npm/{it.name}@{it.version}" for it in vendored()
    }
    assert len({it["bom-ref"] for it in bill["components"]}) == len(bill["components"]) > 20
    assert json.dumps(bill) == json.dumps(sbom())


def test_base_image_and_actions_are_named_by_digest():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON=\S+@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - stages == {"python:${PYTHON}"}
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert re.findall(r"uses: (?!\S+@[0-9a-f]{40} # v\d)(.*)", workflow) == []


@pytest.mark.asvs("15.2.3")
def test_image_has_no_shell_no_compiler_and_no_mock():
    dockerfile = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", dockerfile, flags=re.MULTILINE)[1:]
    portal = next(it for it in stages if it.split("\n")[0].endswith(" AS portal"))
    last_run = re.findall(r"^RUN (?:.*\\\n)*.*", portal, re.MULTILINE)[-1]
    assert "apt-get" not in dockerfile.replace(last_run, "")
    assert {"unlink", "sh", "dash", "bash", "apt-get", "dpkg"} <= set(re.findall(r"[a-z-]+", last_run))
    assert re.findall(r"^(?:COPY|ADD) (.*)$", portal, re.MULTILINE) == ["--from=build /app /app"]
    assert stages[-1] == "portal\n", "what is built without a --target"
