"""Checks a page with axe-core, html-validate and csp_evaluator; npm installs both, see page_checker/package.json."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from e2e.servers import ROOT

MODULES = ROOT / ".venv" / "page_checker" / "node_modules"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RULES = ROOT / "e2e" / "page_checker" / "htmlvalidate.json"
_POLICIES = ROOT / "e2e" / "page_checker" / "policies.cjs"


def axe_findings(page: Page) -> list[str]:
    """One line per element and rule. Only colours depend on the theme, so only contrast is checked twice."""
    page.evaluate(_axe())
    found = _axe_run(page, {"type": "tag", "values": STANDARDS})
    page.emulate_media(color_scheme="dark")
    dark = _axe_run(page, {"type": "rule", "values": ["color-contrast"]})
    page.emulate_media(color_scheme="light")
    return found + [f"in the dark: {finding}" for finding in dark]


def _axe_run(page: Page, rules: dict[str, Any]) -> list[str]:
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


_TEXT_SPACING = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
p { margin-bottom: 2em !important }"""
"""What WCAG 1.4.12 lets a reader choose."""
_TEXT_OF_DOUBLE_SIZE = "html { font-size: 200% !important }"
_CUT_OFF = """style => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    document.adoptedStyleSheets = [sheet];
    const hides = (value) => value === "hidden" || value === "clip";
    const cut = [...document.querySelectorAll("body *")].filter((it) => {
        const { overflowX, overflowY, position } = getComputedStyle(it);
        return position !== "absolute" && it.clientHeight > 1 && it.innerText && (
            (hides(overflowX) && it.scrollWidth > it.clientWidth + 1) ||
            (hides(overflowY) && it.scrollHeight > it.clientHeight + 1));
    }).map((it) => it.outerHTML.slice(0, 120));
    const wide = document.scrollingElement.scrollWidth - innerWidth;
    document.adoptedStyleSheets = [];
    return wide > 0 ? [...cut, `scrolls sideways by ${wide} pixels`] : cut;
}"""


def reflow_findings(page: Page) -> list[str]:
    """Text that is cut off, or makes the page scroll sideways, once it is further apart, or twice as large."""
    spaced = [f"text spacing: {finding}" for finding in page.evaluate(_CUT_OFF, _TEXT_SPACING)]
    usual = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 800})  # of a computer; telephones enlarge the page by themselves
    large = [f"200 % text: {finding}" for finding in page.evaluate(_CUT_OFF, _TEXT_OF_DOUBLE_SIZE)]
    if usual:
        page.set_viewport_size(usual)
    return spaced + large


def html_findings(folder: Path) -> dict[str, list[str]]:
    """File name → errors, for all HTML files in `folder`."""
    command = [node(), str(MODULES / "html-validate" / "bin" / "html-validate.mjs"), "--formatter=json"]
    # A file, not a pipe: html-validate exits before a pipe has taken all of its output.
    with tempfile.TemporaryFile("w+") as printed:
        command += [f"--config={_RULES}", str(folder)]
        done = subprocess.run(command, cwd=folder, stdout=printed, stderr=subprocess.PIPE, text=True, check=False)
        printed.seek(0)
        found = printed.read()
    if not found.strip():
        raise RuntimeError(done.stderr)
    return {
        Path(file["filePath"]).name: [
            f"{it['ruleId']} in line {it['line']}: {it['message']}" for it in file["messages"]
        ]
        for file in json.loads(found)
    }


def policy_findings(policies: list[str]) -> list[list[str]]:
    """For each Content-Security-Policy what Google's evaluator says of it."""
    command = [node(), str(_POLICIES), str(MODULES)]
    done = subprocess.run(command, input=json.dumps(policies), capture_output=True, text=True, check=True)
    found: list[list[str]] = json.loads(done.stdout)
    return found


@cache
def _axe() -> str:
    return (MODULES / "axe-core" / "axe.min.js").read_text()


@cache
def node() -> str:
    own = ROOT / ".venv" / "bin" / "node"
    found = str(own) if own.exists() else shutil.which("node", path=os.environ.get("PATH"))
    if found is None:
        raise RuntimeError("node is missing; run: make test")
    return found
