"""What must not slip: addresses, templates, sizes, and a wheel that serves pages."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from jinja2 import nodes
from jinja2.meta import find_referenced_templates

from portal.domain.stage import Stage

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "portal").rglob("*.py"))
TEMPLATES = sorted(
    path.relative_to(ROOT / "templates").as_posix()
    for path in (ROOT / "templates").rglob("*.*")
    if path.suffix in {".html", ".txt"}
)

# Generous: a length is a hint, never a reason to split a subject.
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
LONGEST_TEMPLATE = 120

ROUTES = {
    ("applicant.start", "/", "GET"),
    ("branding.logo", "/logo/<slug>", "GET"),
    ("partner_return.go_back", "/o/<token>/back", "GET"),
    ("applicant.submit", "/", "POST"),
    ("applicant.start_at_partner", "/s/<slug>", "GET"),
    ("applicant.submit_at_partner", "/s/<slug>", "POST"),
    ("applicant.onboarding", "/o/<token>", "GET"),
    ("applicant.correct", "/o/<token>", "POST"),
    ("applicant.status", "/o/<token>/status", "GET"),
    ("applicant.show_correction", "/o/<token>/number", "GET"),
    ("applicant.correct_number", "/o/<token>/number", "POST"),
    ("applicant.open_hosted_page", "/o/<token>/continue", "GET"),
    ("applicant.open_when_asked", "/o/<token>/continue", "POST"),
    ("applicant.retry", "/o/<token>/retry", "POST"),
    ("applicant.end_photos", "/o/<token>/photos-done", "POST"),
    ("applicant.stop", "/o/<token>/stop", "POST"),
    ("applicant.show_erasure", "/o/<token>/erasure", "GET"),
    ("applicant.ask_for_erasure", "/o/<token>/erasure", "POST"),
    ("applicant.came_back", "/return", "GET"),
    ("second_device.qr", "/o/<token>/qr.svg", "GET"),
    ("second_device.open_code", "/Q/<code>", "GET"),
    ("second_device.open_code_when_asked", "/Q/<code>", "POST"),
    ("partner_api.create", "/api/v1/onboardings", "POST"),
    ("partner_api.read", "/api/v1/onboardings/<onboarding_id>", "GET"),
    ("partner_api.list_events", "/api/v1/onboardings/<onboarding_id>/events", "GET"),
    ("partner_api.erase", "/api/v1/onboardings/<onboarding_id>", "DELETE"),
    ("partner_api.list_onboardings", "/api/v1/onboardings", "GET"),
    ("partner_api.change", "/api/v1/onboardings/<onboarding_id>", "PATCH"),
    ("partner_api.resend", "/api/v1/onboardings/<onboarding_id>/events/<event_id>/resend", "POST"),
    ("partner_api.send_test_event", "/api/v1/test-event", "POST"),
    ("partner_api.cancel", "/api/v1/onboardings/<onboarding_id>/cancel", "POST"),
    ("partner_api.replace_link", "/api/v1/onboardings/<onboarding_id>/link", "POST"),
    ("partner_api.explain", "/api/v1/problems/<code>", "GET"),
    ("partner_api.openapi", "/api/v1/openapi.json", "GET"),
    ("webhook.receive", "/webhooks/gu1", "POST"),
    ("embed_script", "/embed.js", "GET"),
    ("pinned_embed_script", "/embed-<version>.js", "GET"),
    ("embed_types", "/embed.d.ts", "GET"),
    ("privacy.notice", "/privacy", "GET"),
    ("privacy.accessibility", "/accessibility", "GET"),
    ("mails.stop", "/mails/<key>/stop", "GET"),
    ("mails.stopped", "/mails/<key>/stop", "POST"),
    ("operations.healthz", "/healthz", "GET"),
    ("operations.readyz", "/readyz", "GET"),
    ("operations.metrics", "/metrics", "GET"),
    ("static_file", "/static/<path:name>", "GET"),
}


def test_these_are_all_the_addresses(app):
    rules = app.url_map.iter_rules()
    found = {(rule.endpoint, rule.rule, method) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert found == ROUTES


def parsed(app, name):
    return app.jinja_env.parse((ROOT / "templates" / name).read_text())


def used_templates(app):
    in_views = {name for module in MODULES for name in re.findall(r'render_template\(\s*"([^"]+)"', module.read_text())}
    in_templates = {used for name in TEMPLATES for used in find_referenced_templates(parsed(app, name)) if used}
    return in_views | in_templates | {f"onboarding/stage/{stage}.html" for stage in Stage}


def test_every_template_is_used(app):
    assert set(TEMPLATES) - used_templates(app) == set()


def test_every_used_template_is_there(app):
    # An onboarding in that stage shows the form.
    assert used_templates(app) - set(TEMPLATES) == {"onboarding/stage/details.html"}


def blocks_below_base(app, name):
    """Its own blocks and those of what it extends, without the outermost's defaults."""
    tree = parsed(app, name)
    bases = [extends.template.value for extends in tree.find_all(nodes.Extends)]
    own = {block.name for block in tree.find_all(nodes.Block)} if bases else set()
    return own.union(*(blocks_below_base(app, base) for base in bases))


def test_every_page_template_has_a_title(app):
    for name in TEMPLATES:
        assert app.jinja_env.get_template(name)
        bases = [extends.template.value for extends in parsed(app, name).find_all(nodes.Extends)]
        assert not bases or "title" in blocks_below_base(app, name), name


def test_no_template_is_very_long():
    lengths = {name: len((ROOT / "templates" / name).read_text().splitlines()) for name in TEMPLATES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_TEMPLATE} == {}


def test_no_module_or_function_is_very_long():
    for module in MODULES:
        text = module.read_text()
        functions = [it for it in ast.walk(ast.parse(text)) if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)]
        long = {it.name for it in functions if it.end_lineno - it.lineno >= LONGEST_FUNCTION}
        assert len(text.splitlines()) <= LONGEST_MODULE, module
        assert long - known_long(module) == set(), module


def test_no_two_modules_share_a_name():
    counted = Counter(path.name for path in MODULES if path.name != "__init__.py")
    assert {name for name, times in counted.items() if times > 1} == set()


def test_import_contract_names_every_package_and_module():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["name"] == "layers")
    named = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    packages = {path.parent.name for path in (ROOT / "portal").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "portal").glob("*.py")} - {"__init__"}
    assert layers["exhaustive"]
    assert named == packages | modules


def known_long(module):
    """A migration reads better in one piece."""
    return {"upgrade"} if module.parent.name == "versions" else set()


SERVE = """
from pathlib import Path
import portal
from portal.app import create_app
from portal.config import Config
from portal.store.database import make_engine, migrate

assert str(Path(portal.__file__).parent.parent) == {installed!r}, portal.__file__
settings = dict(secret_keys=("k" * 32,), database_url="sqlite:///portal.db", gu1_api_key="key")
config = Config(gu1_webhook_secrets=("secret",), **settings)
migrate(make_engine(config.database_url))
client = create_app(config).test_client()
titles = set()
for language in ("es-AR", "es", "pt-BR", "en"):
    page = client.get("/?lang=" + language, base_url=config.base_url)
    assert page.status_code == 200, page.status
    assert '<html lang="' + language + '">' in page.text
    titles.add(page.text.split("<h1>")[1].split("</h1>")[0])
assert len(titles) > 1, titles
assert client.get("/static/portal.css", base_url=config.base_url, buffered=True).status_code == 200
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel of a copy without anything compiled, installed into an empty folder."""
    source, wheels, target = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "target"))
    for name in ("portal", "templates", "static"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.mo", "*.br", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, source], check=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", target, wheel], check=True)
    return target


@pytest.mark.long
def test_a_wheel_serves_pages_from_another_folder(installed, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", SERVE.format(installed=str(installed))]
    served = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert served.returncode == 0, served.stderr


@pytest.mark.long
def test_a_wheel_holds_nothing_but_the_portal(installed):
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names - {"bin"} == {"portal"}
    assert len(list(installed.rglob("*.mo"))) == 3
    assert list(installed.glob("portal/static/portal.js.*.br"))
    assert not list(installed.rglob("test_*"))
