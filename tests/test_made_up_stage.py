"""A stage that is added to the table is followed everywhere, or its absence somewhere fails loudly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SHOW_IT = """
from dataclasses import replace
from portal.app import create_app
from portal.config import Config
from portal.domain.stage import Stage
from portal.domain.standing import standing_of
from portal.store.database import make_engine, migrate
from portal.web.applicant import pages, status_page
from tests.factories import an_onboarding

config = Config(secret_keys=("k" * 32,), database_url="sqlite:///portal.db", gu1_api_key="k", gu1_webhook_secrets="s")
migrate(make_engine(config.database_url))
app = create_app(config)
app.testing = True
behind = app.extensions["portal"]

with app.test_request_context(base_url=config.base_url):
    found = an_onboarding(created_at=behind.clock(), updated_at=behind.clock())
    view = status_page.view_now(found)
    frozen = replace(view, standing=replace(view.standing, stage=Stage.FROZEN))
    print(status_page.status_fragment(found, frozen))
client = app.test_client()
print(client.get("/api/v1/openapi.json", base_url=config.base_url).text)
"""


@pytest.fixture
def copy(tmp_path):
    for name in ("portal", "templates", "static", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    insert(tmp_path / "portal/domain/stage.py", '    CLOSED = "closed"\n', '    FROZEN = "frozen"\n')
    return tmp_path


def insert(path, after, added):
    text = path.read_text()
    assert after in text
    path.write_text(text.replace(after, after + added, 1))


def run(folder):
    """The standard output, or the last line of what went wrong."""
    environment = {"PYTHONPATH": str(folder), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-W", "ignore", "-c", SHOW_IT]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.long
def test_each_missing_part_of_a_made_up_stage_is_named_until_all_follows(copy):
    assert run(copy) == "LookupError: stages without a row in STAGES: frozen"
    facts = 'StageFacts(hosted_page_may_be_open=True, progress=3, picture="waiting", mood=Mood.QUIET)'
    insert(copy / "portal/domain/stage.py", "STAGES: dict[Stage, StageFacts] = {\n", f"    Stage.FROZEN: {facts},\n")
    assert run(copy) == "LookupError: stages without a title: frozen"
    insert(copy / "portal/web/applicant/stage_view.py", "TITLES = {\n", '    Stage.FROZEN: _("Frozen solid"),\n')
    assert run(copy) == "jinja2.exceptions.TemplateNotFound: onboarding/stage/frozen.html"
    (copy / "templates/onboarding/stage/frozen.html").write_text("<p>Brr.</p>")
    shown = run(copy)
    for part in ('data-stage="frozen"', "hx-get=", "Frozen solid", "Brr.", "sign--quiet art art--waiting"):
        assert part in shown
    assert "data-finished" not in shown
    assert '"frozen"' in shown.partition('{"openapi"')[2]
