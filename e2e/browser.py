"""Finds or installs the browsers that the journeys use.

One that an environment variable names, else Playwright's own Chromium when it is there, else a system binary.
Run as a module it makes sure of the named ones: as root from the system's packages, else by Playwright's download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright


@dataclass(frozen=True)
class Engine:
    name: str
    variable: str
    binaries: tuple[str, ...]
    packages: tuple[str, ...]
    """Debian packages: the browser and what the tests need besides it."""
    advice: str
    is_playwrights: bool = False

    @property
    def how_to_get_one(self) -> str:
        return f"no {self.name} found: {self.advice}, or set {self.variable} to a binary"

    def path(self) -> str | None:
        """None if there is no such binary."""
        named = os.environ.get(self.variable)
        if named:
            return named
        own = _playwrights() if self.is_playwrights else None
        return own or next(filter(None, map(shutil.which, self.binaries)), None)

    def path_or_skip(self) -> str:
        """Without a browser the test is skipped; in CI it fails."""
        path = self.path()
        if path is None:
            if os.environ.get("CI") == "true":
                pytest.fail(self.how_to_get_one)
            pytest.skip(self.how_to_get_one)
        return path

    def install(self) -> None:
        if os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=False)
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *self.packages]
            subprocess.run(command, check=False)
        elif self.is_playwrights:
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


CHROMIUM = Engine(
    "Chromium",
    "E2E_CHROMIUM",
    ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
    ("chromium-headless-shell", "fonts-liberation", "libnss3-tools"),
    "run `.venv/bin/playwright install chromium`, or install your system's chromium package",
    is_playwrights=True,
)
# Playwright's own Firefox is a patched build; applicants use the released one.
FIREFOX = Engine(
    "Firefox",
    "E2E_FIREFOX",
    ("firefox-esr", "firefox"),
    ("firefox-esr", "libnss3-tools"),
    "install your system's firefox or firefox-esr package",
)
WEBKIT = Engine(
    "WebKitGTK driver",
    "E2E_WEBKIT",
    ("WebKitWebDriver",),
    ("webkit2gtk-driver", "xvfb", "xauth"),
    "install your system's packages of WebKitWebDriver, MiniBrowser and xvfb",
)
ENGINES = {"chromium": CHROMIUM, "firefox": FIREFOX, "webkit": WEBKIT}

HOW_TO_GET_ONE = CHROMIUM.how_to_get_one


def chromium() -> str | None:
    return CHROMIUM.path()


@cache
def _playwrights() -> str | None:
    """Runs on its own thread: Playwright refuses to start twice on one thread."""

    def ask() -> Path:
        with sync_playwright() as playwright:
            return Path(playwright.chromium.executable_path)

    with ThreadPoolExecutor(1) as elsewhere:
        path = elsewhere.submit(ask).result()
    return str(path) if path.exists() else None


if __name__ == "__main__":
    for engine in (ENGINES[name] for name in sys.argv[1:] or ["chromium"]):
        if engine.path() is None:
            engine.install()
        print(engine.path() or engine.how_to_get_one)
