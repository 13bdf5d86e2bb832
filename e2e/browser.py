"""Which Chromium the journeys use, and how to come by one.

`$E2E_CHROMIUM`, else Playwright's own download when it is there, else a system binary.
Run as a module it makes sure of one: as root from the system's packages, else by Playwright's download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

_SYSTEM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

HOW_TO_GET_ONE = (
    "no Chromium found: run `.venv/bin/playwright install chromium`, or install your system's chromium package, "
    "or set E2E_CHROMIUM to a binary"
)


def chromium() -> str | None:
    """The path of a binary that exists, or None."""
    named = os.environ.get("E2E_CHROMIUM")
    if named:
        return named
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else next(filter(None, map(shutil.which, _SYSTEM)), None)


def install() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        wanted = ["chromium-headless-shell", "fonts-liberation"]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted], check=False)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    if chromium() is None:
        install()
    print(chromium() or HOW_TO_GET_ONE)
