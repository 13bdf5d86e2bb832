"""The packages in `clients`: what `make clients-check` would find only after a long installation."""

import json
import re
import tomllib

from tests.documents import PARTNERS, ROOT, section

JS = ROOT / "clients" / "js"
PACKAGE = json.loads((JS / "package.json").read_text())
PYTHON = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())["project"]
GENERATED = {"./embed.d.ts", "./schema.d.ts"}


def test_both_packages_have_one_version():
    assert PACKAGE["version"] == PYTHON["version"]


def test_what_the_package_exports_is_there_and_documented():
    for name, files in PACKAGE["exports"].items():
        assert all((JS / path).exists() for path in files.values()), name
        assert f"/{name.removeprefix('./')}" in section(PARTNERS, "## Clients") or name == "."
    assert PYTHON["name"] in section(PARTNERS, "## Clients")


def test_each_import_leads_to_a_file_or_a_dependency():
    known = {*PACKAGE["dependencies"], *PACKAGE["peerDependencies"]}
    for path in [*JS.glob("*.js"), *JS.glob("src/*.js"), *JS.glob("*.d.ts")]:
        if path.name in {"build.js", "schema.d.ts"}:
            continue
        for name in re.findall(r'^(?:im|ex)port .*?from "([^"]+)"', path.read_text(), re.MULTILINE):
            is_ours = name.startswith(".")
            types = name.replace(".js", ".d.ts")
            found = (path.parent / name).exists() or (path.parent / types).exists() or types in GENERATED
            assert found if is_ours else name in known or name.startswith(("node:", "react")), (path, name)


def test_lock_files_name_no_host():
    for lock in (ROOT / "clients").glob("*/package-lock.json"):
        assert '"resolved"' not in lock.read_text()


def test_event_types_of_the_react_component_are_those_of_the_element():
    named = set(re.findall(r'"(\w+)"', re.search(r"EVENTS = \[(.*?)\]", (JS / "react.js").read_text())[1]))
    types = (ROOT / "static" / "embed" / "embed.d.ts").read_text()
    assert named == set(re.findall(r'^  "kyc-(\w+)":', types, re.MULTILINE))
    handlers = {it.lower() for it in re.findall(r"  on(\w+)\?:", (JS / "react.d.ts").read_text())}
    assert handlers == named
