"""What the documents say is what the code does: settings, commands, addresses, names, examples and links."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
import subprocess
import time
import tomllib
from datetime import timedelta
from urllib.parse import unquote

import click
import pytest

from portal.cli import main
from portal.config import SECRETS, Config
from portal.domain.durations import duration_text
from portal.domain.reasons import REMEDIES, Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.timings import Timings
from portal.gu1 import operations
from portal.gu1.operations import Operation
from portal.gu1.risk_codes import reason_of
from portal.metrics import Metrics
from portal.partners.registry import Partner, new_signing_secret, secret_bytes
from portal.services.change_history import Action
from portal.services.signatures import signed_headers
from portal.services.summary import Summary
from portal.store.tables import metadata
from portal.web.applicant.partner_return import sign
from portal.web.header_policy import Kind
from portal.web.partner_api.api_models import Changes, Link, OnboardingRequest, Problem, Receipt, Refusal, Started
from portal.web.partner_api.openapi import openapi_json
from portal.web.problem_details import KINDS
from portal.web.refusals import Refusal as RefusalKind
from tests.documents import (
    ALL,
    ARCHITECTURE,
    CHANGELOG,
    GU1,
    OPERATING,
    PARTNERS,
    README,
    ROOT,
    SECURITY,
    anchors,
    code_in,
    documented_check,
    links,
    prose,
    rows,
    section,
    snippet,
)

EMBED = ROOT / "static" / "embed"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BY_NAME = {"ids": lambda it: it.name}

BODY = '{"type":"onboarding.updated","data":{"external_id":"ñandú"}}\n'.encode()
OLD, NEW, OTHERS = (new_signing_secret() for _ in range(3))


def first_codes(table):
    """The code in the first cell of each row."""
    return [code_in(row[0])[0] for row in table]


# Settings and commands


def documented_default(value):
    """As the table of settings writes it."""
    if isinstance(value, tuple):
        value = ",".join(value) or None
    if value is None:
        return "none"
    if isinstance(value, timedelta):
        value = duration_text(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.asvs("2.1.3")
def test_settings_and_their_defaults():
    fields = Config.model_fields.values()
    written_out = {
        "PORTAL_SECRET_KEYS": "created beside the SQLite file; required with PostgreSQL",
        "PORTAL_PARTNERS_FILE": "`partners.toml` if it exists",
    }
    defaults = {
        str(it.validation_alias): "required" if it.is_required() else documented_default(it.default) for it in fields
    }
    assert {code_in(row[0])[0]: row[1] for row in rows(OPERATING, "## Settings")} == defaults | written_out


@pytest.mark.parametrize("document", ALL, **BY_NAME)
def test_no_document_names_a_setting_that_does_not_exist(document):
    known = {str(field.validation_alias) for field in Config.model_fields.values()} | {f"{it}_FILE" for it in SECRETS}
    named = set(re.findall(r"\b(?:PORTAL|GU1)_[A-Z0-9_]+", prose(document)))
    assert named - known == set()


def commands(group, prefix="portal"):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", {opt for it in command.params if isinstance(it, click.Option) for opt in it.opts}


def test_commands_and_their_options():
    documented = {}
    for row in rows(OPERATING, "## Commands"):
        name = re.match(r"portal( [a-z][a-z-]*)+", code_in(row[0])[0])[0]
        documented[name] = set(re.findall(r"--[a-z-]+", row[0]))
    assert documented == dict(commands(main))


@pytest.mark.parametrize("document", ALL, **BY_NAME)
def test_every_portal_command_and_make_target_exists(document):
    text = document.read_text()
    paths = {name.split(" ")[1] for name, _ in commands(main)}
    assert set(re.findall(r"(?:^|`|&& )portal ([a-z][a-z-]*)", text, re.MULTILINE)) - paths == set()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) - targets == set()


# Addresses


def without_names(address):
    return re.sub(r"<[^>]+>", "<>", address)


def test_addresses(app):
    documented = {without_names(it) for row in rows(OPERATING, "## Addresses") for it in code_in(row[0])}
    assert documented == {
        f"{method} {without_names(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


# Metrics and log lines


def test_metrics():
    served = set(re.findall(r"^# HELP (portal_\w+)", Metrics().page().decode(), re.MULTILINE))
    assert set(first_codes(rows(OPERATING, "## Metrics"))) == {it for it in served if not it.endswith("_created")}


def logged_messages():
    """The format of every message at level warning or above."""
    for module in (ROOT / "portal").rglob("*.py"):
        for call in ast.walk(ast.parse(module.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            where = {"warning": 0, "error": 0, "exception": 0, "log": 1}.get(call.func.attr)
            if where is not None and isinstance(call.func.value, ast.Name) and call.func.value.id == "log":
                yield call.args[where].value


@pytest.mark.asvs("16.1.1")
def test_log_lines():
    """A message that is nothing but an error's own text has no line of its own."""
    formats = {it: re.sub(r"%[sd]", ".+", re.escape(it).replace("\\%", "%")) for it in logged_messages() if it != "%s"}
    documented = first_codes(rows(OPERATING, "## Log lines", 0) + rows(OPERATING, "## Log lines", 1))
    missing = {it for it, form in formats.items() if not any(re.fullmatch(form, line) for line in documented)}
    stale = {line for line in documented if not any(re.fullmatch(form, line) for form in formats.values())}
    assert (missing, stale) == (set(), set())


# Words


def test_reasons_and_remedies():
    documented = {code_in(row[0])[0]: row[2].split(",")[0].replace(" ", "_") for row in rows(PARTNERS, "### Reasons")}
    assert documented == {reason.value: remedy.value for reason, remedy in REMEDIES.items()}
    assert f"one of {len(Reason)} reasons" in README.read_text()


def test_stages_and_which_poll():
    documented = {code_in(row[0])[0]: row[2] for row in rows(PARTNERS, "### Stage")}
    assert documented == {stage.value: "no" if stage.is_final else "yes" for stage in Stage}


def test_statuses_and_which_are_final():
    documented = {code_in(row[0])[0]: row[1] for row in rows(PARTNERS, "### Status")}
    assert documented == {status.value: "yes" if status.is_final else "no" for status in Status}


def test_stages_of_the_diagram():
    drawn = snippet(ARCHITECTURE, "## Stages", "mermaid")
    assert {it for move in re.findall(r"^    (\w+) --> (\w+)", drawn, re.MULTILINE) for it in move} == set(Stage)


def test_codes_of_the_registry():
    documented = {code_in(row[0])[0]: code_in(row[1])[0] for row in rows(GU1, "## Reasons and risk codes")}
    assert len(documented) == 6
    assert documented == {code: reason_of([code]).value for code in documented}


# Partners


def test_settings_of_the_partners_file():
    assert set(first_codes(rows(PARTNERS, "## The partners file"))) == set(Partner.model_fields) - {"slug"}


@pytest.mark.asvs("2.1.1", "8.1.2")
def test_fields_of_the_partner_api():
    fields = OnboardingRequest.model_fields
    assert set(first_codes(rows(PARTNERS, "### Start an onboarding"))) == set(fields)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("### Start an onboarding", Started),
        ("### What changed an onboarding", Changes),
        ("### Replace the link", Link),
        ("### Erase an onboarding", Receipt),
        ("### Errors", Refusal),
    ],
)
def test_examples_have_the_fields_of_the_models(heading, model):
    answer = json.loads(re.search(r"^\{.*\}$", snippet(PARTNERS, heading, "console"), re.MULTILINE)[0])
    assert set(answer) == set(model.model_fields)
    assert issubclass(model, Problem) or model.model_validate_json(json.dumps(answer))


def test_example_of_a_summary_has_its_fields():
    answer = json.loads(re.search(r"^\{.*\}$", snippet(PARTNERS, "### Read an onboarding", "console"), re.MULTILINE)[0])
    assert set(answer) == set(Summary.__dataclass_fields__)
    told = json.loads(re.search(r"^\{.*\}$", snippet(PARTNERS, "## Notifications", "http"), re.MULTILINE)[0])
    assert set(told["data"]) == {*answer, "sequence"}


def test_error_statuses_of_the_partner_api():
    paths = json.loads(openapi_json("https://portal.example"))["paths"].values()
    answers = [it["responses"] for path in paths for it in path.values() if "responses" in it]
    described = {status for it in answers for status in it if status >= "400"}
    documented = rows(PARTNERS, "### Errors")
    assert described <= {row[0] for row in documented}
    of_pages = {"forbidden", "gone", "switched_off"}
    assert [(str(KINDS[code].status), code) for [code] in (code_in(row[1]) for row in documented)] == [
        (row[0], *code_in(row[1])) for row in documented
    ]
    assert {code for row in documented for code in code_in(row[1])} == set(KINDS) - of_pages


def test_actions_of_the_history():
    documented = {it for row in rows(PARTNERS, "### What changed an onboarding") for it in code_in(row[0])}
    assert documented == set(Action)


def test_events_and_errors_of_the_embed_script():
    script = (ROOT / "clients" / "js" / "src" / "element.js").read_text()
    types = (EMBED / "embed.d.ts").read_text()
    events, errors = rows(PARTNERS, "### Events", 0), rows(PARTNERS, "### Events", 1)
    assert set(first_codes(events)) == {f"kyc-{it}" for it in re.findall(r'emit_\("(\w+)"', script)}
    assert set(first_codes(errors)) == set(re.findall(r'(?:fail|refuse)_\("([\w-]+)"', script))
    assert set(first_codes(events)) == set(re.findall(r'^  "(kyc-\w+)":', types, re.MULTILINE))
    assert set(first_codes(errors)) == words_of(types, "ErrorCode")
    assert {str(it) for it in Stage} == words_of(types, "Stage")
    assert {str(it) for it in Status} == words_of(types, "Status")


def words_of(types, name):
    return set(re.findall(r'"([\w-]+)"', re.search(rf"type {name} =(.*?);", types, re.DOTALL)[1]))


def test_versions_of_the_embed_script_have_the_documented_hashes():
    """What has a hash here is never changed: a change of the script is a new version with a file of its own."""
    heading = "### A version that never changes"
    documented = {version: code_in(integrity)[0] for version, integrity in rows(PARTNERS, heading)}
    assert documented == {path.stem: integrity_of(path) for path in EMBED.glob("*.js")}
    pinned = re.search(r'embed-([\d.]+)\.js" crossorigin integrity="(.*?)"', snippet(PARTNERS, heading, "html"))
    assert documented[pinned[1]] == pinned[2]


def integrity_of(path):
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def test_embed_script_is_built_from_its_source_and_knows_the_stages():
    clients = ROOT / "clients" / "js"
    source = (clients / "src" / "element.js").read_text()
    built = (EMBED / f"{json.loads((clients / 'package.json').read_text())['version']}.js").read_text()
    texts = re.findall(
        r'"[^"\n]*"', re.sub("^//.*", "", source, flags=re.MULTILINE).partition("export const define")[0]
    )
    assert [it for it in texts if it not in built] == []
    busy = re.search(r"const BUSY = (\[.*?\]);", source)[1]
    assert json.loads(busy) == [stage for stage in Stage if stage.facts.hosted_page_may_be_open]


def test_documented_signature_of_the_way_back():
    commands = snippet(PARTNERS, "## The way back", "sh")
    secret, query = (re.search(rf"^{name}='(.*?)'", commands, re.MULTILINE)[1] for name in ("SECRET", "query"))
    assert run(commands).strip() == sign(query, secret)


def headers(*secrets, at=None):
    return signed_headers("evt_1", int(time.time() if at is None else at), BODY, [*map(secret_bytes, secrets)])


def test_documented_check_takes_ours_during_a_rotation_too():
    is_ours = documented_check()
    assert is_ours(headers(NEW), BODY, [NEW])
    assert is_ours(headers(NEW, OLD), BODY, [OLD])
    assert is_ours(headers(OLD), BODY, [NEW, OLD])


@pytest.mark.parametrize(
    ("signed", "body", "secrets"),
    [
        (headers(OTHERS), BODY, [NEW]),
        (headers(NEW), BODY + b" ", [NEW]),
        (headers(NEW) | {"webhook-id": "evt_2"}, BODY, [NEW]),
        (headers(NEW) | {"webhook-signature": "v1,"}, BODY, [NEW]),
        (headers(NEW, at=time.time() - 3600), BODY, [NEW]),
        (headers(NEW), BODY, []),
    ],
    ids=["other secret", "other body", "other id", "no signature", "too old", "no secret"],
)
def test_documented_check_refuses_everything_else(signed, body, secrets):
    assert not documented_check()(signed, body, secrets)


@pytest.mark.parametrize("secret", [NEW, "whsec_" + "AAAA" * 8], ids=["made", "of zeros"])
def test_documented_openssl_makes_the_same_signature(tmp_path, secret):
    (tmp_path / "body.json").write_bytes(BODY)
    sent = headers(secret)
    made = run(
        snippet(PARTNERS, "### Verify the signature", "sh"),
        cwd=tmp_path,
        SECRET=secret,
        WEBHOOK_ID=sent["webhook-id"],
        WEBHOOK_TIMESTAMP=sent["webhook-timestamp"],
    )
    assert f"v1,{made.strip()}" == sent["webhook-signature"]


def run(commands, *, cwd=ROOT, **env):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_documented_number_of_tries_is_the_real_one():
    tries = len(Timings().notification_backoffs) + 1
    assert f"{tries} tries in about {round(sum(Timings().notification_backoffs) / 86400)} days" in PARTNERS.read_text()


# gu1


def test_calls_to_gu1():
    known = {it.name for it in vars(operations).values() if isinstance(it, Operation)}
    assert set(first_codes(rows(GU1, "## The calls"))) == known


def test_each_contradiction_has_a_test_and_a_place_in_the_code():
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "gu1").glob("test_contradictions*.py"))
    table = rows(GU1, "## Contradictions")
    assert [int(row[0]) for row in table] == [int(it) for it in re.findall(r"def test_(\d\d)_", tests)]
    for row in table:
        assert NAME_IN_PATH.search(row[4])


# Architecture


def test_every_layer_is_described():
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    layers = next(it for it in contracts if it["type"] == "layers")["layers"]
    packages = {name.strip() for layer in layers for name in layer.split("|")} - {"__main__", "translations"}
    described = {part for row in rows(ARCHITECTURE, "## Layers") for part in code_in(row[0])}
    assert {it.removeprefix("portal/").removesuffix(".py") for it in described} == packages


def test_data_model():
    drawn = snippet(ARCHITECTURE, "## Data model", "mermaid")
    tables = {
        name: re.findall(r"^ +\w+ (\w+)", body, re.MULTILINE)
        for name, body in re.findall(r"(\w+) \{\n(.*?)\}", drawn, re.S)
    }
    assert tables == {name: [column.name for column in table.columns] for name, table in metadata.tables.items()}


def test_each_law_names_the_tests_that_try_to_break_it():
    laws = rows(ARCHITECTURE, "## Laws")
    assert [row[0] for row in laws] == [str(number) for number in range(1, 13)]
    assert all("::test_" in row[3] for row in laws)


# Security


def test_each_promise_names_the_tests_that_try_to_break_it():
    promises = rows(SECURITY, "## What is promised")
    assert [promise for promise, _, tests in promises if "::test_" not in tests] == []


def test_policies_by_kind_of_answer():
    policies = {row[0]: code_in(row[1])[0] for row in rows(SECURITY, "## Headers")}
    written = {kind.name: "; ".join(map(" ".join, kind.value.items())).strip() for kind in Kind}
    assert policies == written


@pytest.mark.asvs("16.3.3")
def test_kinds_of_refusals():
    assert first_codes(rows(SECURITY, "## Refusals")) == list(RefusalKind)
    (row,) = [it for it in rows(OPERATING, "## Metrics") if it[0] == "`portal_refusals_total`"]
    assert code_in(row[2]) == list(RefusalKind)


# Every document


def test_readme_is_short():
    assert len(README.read_text().split()) <= 900


def test_every_document_is_linked_from_the_readme():
    linked = {(ROOT / it.split("#")[0]).resolve() for it in links(README)}
    assert set(ALL) - {README} - linked == set()


@pytest.mark.parametrize("document", ALL, **BY_NAME)
def test_links_lead_somewhere(document):
    dead = []
    for link in links(document):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


PATH = re.compile(r"(?:portal|tests|e2e|static|templates|deploy|docs)/[\w./-]*(?:::\w+)?")


@pytest.mark.parametrize("document", ALL, **BY_NAME)
def test_paths_and_tests_that_are_named_exist(document):
    missing = []
    for named in filter(PATH.fullmatch, code_in(prose(document))):
        path, _, name = named.partition("::")
        found = ROOT / path
        if not found.exists() or (name and not re.search(rf"def {name}\b", found.read_text())):
            missing.append(named)
    assert missing == []


NAME_IN_PATH = re.compile(r"`(\w+)` in \[?`([\w/.]+)`")


@pytest.mark.parametrize("document", ALL, **BY_NAME)
def test_names_are_in_the_files_that_they_are_said_to_be_in(document):
    named = NAME_IN_PATH.findall(prose(document))
    assert [it for it in named if not re.search(rf"\b{it[0]}\b", (ROOT / it[1]).read_text())] == []


@pytest.mark.parametrize("document", ALL, **BY_NAME)
def test_modules_that_are_named_exist(document):
    named = set(re.findall(r"python -m ((?:e2e|tests)[\w.]*)", document.read_text()))
    found = {it for it in named if any((ROOT / it.replace(".", "/")).with_suffix(end).exists() for end in (".py", ""))}
    assert named == found


def test_this_version_is_in_the_changelog():
    assert f"\n## {PYPROJECT['project']['version']} - " in CHANGELOG.read_text()
    assert section(CHANGELOG, "## Unreleased").strip()
