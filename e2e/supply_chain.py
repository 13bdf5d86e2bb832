"""`make sbom` and `make audit`: what the portal is made of, and what is known against it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RUNTIME = ROOT / "requirements" / "portal.txt"
VENDORED = ROOT / "static" / "vendor"
PYTHON_PINS = sorted(ROOT.glob("requirements/*.txt"))
NPM_PINS = sorted(it for folder in ("clients", "e2e") for it in ROOT.glob(f"{folder}/*/package-lock.json"))

_PIN = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)[^\n]*((?:\n[ \t]+--hash=sha256:[0-9a-f]{64}[^\n]*)+)", re.MULTILINE
)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_VENDORED = re.compile(
    r"^\| `(?P<file>[^`]+)` \| npm package `(?P<name>[^`]+)`[^|]*"
    r"\| (?P<version>[^ |]+) \| (?P<licence>[^ |]+) \| `(?P<hash>[0-9a-f]{64})` \|$",
    re.MULTILINE,
)
_UNREACHABLE = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|ServiceError|HTTPError|SSLError|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENOAUDIT"
    r"|audit endpoint returned an error|Not (Found|Implemented)|Max retries|could not be audited",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Vendored:
    file: Path
    name: str
    version: str
    licence: str
    sha256: str


def vendored() -> list[Vendored]:
    """What static/vendor/VENDORED.md records."""
    table = (VENDORED / "VENDORED.md").read_text("utf-8")
    return [
        Vendored(VENDORED / it["file"], it["name"], it["version"], it["licence"], it["hash"])
        for it in _VENDORED.finditer(table)
    ]


def pins(requirements: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and the digests of the files that pip may take."""
    for name, version, hashes in _PIN.findall(requirements.read_text("utf-8")):
        yield name, version, _HASH.findall(hashes)


def sbom() -> dict[str, Any]:
    """CycloneDX 1.6, the same for the same sources."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    of_python = [
        # Each of its files is another archive of the same release; CycloneDX has hashes for one file only.
        _component(name, version, f"pkg:pypi/{name}@{version}")
        | {"properties": [{"name": "portal:file:sha256", "value": it} for it in hashes]}
        for name, version, hashes in pins(RUNTIME)
    ]
    of_npm = [
        _component(it.name, it.version, f"pkg:npm/{it.name}@{it.version}")
        | {"hashes": [{"alg": "SHA-256", "content": it.sha256}], "licenses": [{"license": {"id": it.licence}}]}
        for it in vendored()
    ]
    name, version = project["name"], project["version"]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(name, version, f"pkg:pypi/{name}@{version}", kind="application")},
        "components": of_python + of_npm,
    }


def audit() -> int:
    """Asks the databases of known vulnerabilities about every pin. 1 if one is known, else 0; prints a table."""
    print("| what | pins | result |\n|---|---|---|")
    results = [_audit_python(it) for it in PYTHON_PINS] + [_audit_npm(it) for it in NPM_PINS]
    return int(not all(results))


def _audit_python(requirements: Path) -> bool:
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "--strict",
        "--progress-spinner=off",
    ]
    return _report(f"pip-audit | {requirements.relative_to(ROOT)}", [*command, "-r", str(requirements)])


def _audit_npm(lock: Path) -> bool:
    npm = str(Path(sys.executable).parent / "npm")
    command = [npm, "audit", "--package-lock-only", "--prefix", str(lock.parent)]
    return _report(f"npm audit | {lock.relative_to(ROOT)}", command)


def _report(what: str, command: list[str]) -> bool:
    """False if something is known. A database that cannot be asked is said, and is no finding."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        result = "nothing is known"
    elif _UNREACHABLE.search(said):
        result = "NOT ASKED: the database, or all of it, cannot be reached from here"
    else:
        result = "KNOWN VULNERABILITIES, or it failed:"
    print(f"| {what} | {result} |", flush=True)
    if result.endswith(":"):
        print(said)
    return not result.endswith(":")


def _component(name: str, version: str, purl: str, *, kind: str = "library") -> dict[str, Any]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    if sys.argv[1:] == ["sbom"]:
        print(json.dumps(sbom(), indent=2))
    else:
        sys.exit(audit())
