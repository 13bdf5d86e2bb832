"""`make bench-pages`: Lighthouse's four scores of the form and the status page, on its simulated phone.

The median of some runs, as Lighthouse recommends: it multiplies the processor time that it observes, and with it
whatever else the machine did.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import httpx

from e2e.bench.command import run_command
from e2e.browser import HOW_TO_GET_ONE, chromium
from e2e.page_checks import node
from e2e.pages.applicant import a_document_number
from e2e.pages.forms import NAVIGATES, send_form
from e2e.servers import ROOT, Environment, environment
from tests.local_http import LOCAL

LIGHTHOUSE = ROOT / ".venv" / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
RUNS = 5
NOT_FOR_US = "is-crawlable"
"""Verifications do not belong in a search engine, so every page says noindex."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.pages", description=__doc__)
    parser.add_argument("--json", type=Path, help="a file for the scores")
    told = parser.parse_args()
    binary = chromium()
    if binary is None:
        sys.exit(HOW_TO_GET_ONE)
    with tempfile.TemporaryDirectory() as folder, environment(Path(folder)) as running:
        pages = {"form": running.portal.url + "/", "status page": _waiting(running)}
        runs = {name: [_scores(url, binary, Path(folder)) for _ in range(RUNS)] for name, url in pages.items()}
    scores = {name: {it: median(run[it] for run in of_page) for it in CATEGORIES} for name, of_page in runs.items()}
    print(f"{'page':<12}" + "".join(f"{category:>16}" for category in CATEGORIES))
    for name, found in scores.items():
        print(f"{name:<12}" + "".join(f"{found[category]:>16.0f}" for category in CATEGORIES))
        print(f"{'':<12}" + "".join(f"{_span(run[category] for run in runs[name]):>16}" for category in CATEGORIES))
    if told.json:
        told.json.write_text(json.dumps(runs, indent=1) + "\n")
    sys.exit(any(score < 100 for found in scores.values() for score in found.values()))


def _span(scores: Iterable[float]) -> str:
    found = sorted(scores)
    return f"({found[0]:.0f} to {found[-1]:.0f})"


def _waiting(running: Environment) -> str:
    """The URL of a status page whose hosted page was opened."""
    link = send_form(running.portal.url, a_document_number())
    with httpx.Client(**LOCAL) as client:
        while "/session/" not in client.get(f"{link}/continue", headers=NAVIGATES).headers.get("Location", ""):
            pass
    return link


def _scores(url: str, binary: str, folder: Path) -> dict[str, float]:
    report = folder / "report.json"
    command = [node(), str(LIGHTHOUSE), url, "--quiet", "--output=json", f"--output-path={report}"]
    command += [f"--only-categories={','.join(CATEGORIES)}", f"--skip-audits={NOT_FOR_US}"]
    command += ["--chrome-flags=--headless --no-sandbox"]
    subprocess.run(command, env={**os.environ, "CHROME_PATH": binary}, cwd=folder, check=True, timeout=300)
    found = json.loads(report.read_text())["categories"]
    return {category: 100 * found[category]["score"] for category in CATEGORIES}


if __name__ == "__main__":
    run_command(main)
