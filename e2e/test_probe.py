"""`portal check` as an operator runs it, against the mock in several generations."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from e2e.mock_client import AUTHORIZED, CODE
from e2e.mock_gu1 import DEFAULT_API_KEY, create_mock
from e2e.mock_gu1.server import serving
from e2e.servers import ROOT
from portal.gu1.probe.probe_session import MOST_REQUESTS
from portal.store.database import make_engine, migrate

OLDEST = {
    "entities_list": "data",
    "session_key": "sessionId",
    "expires_at": "missing",
    "metadata_echo": "no",
    "decision": "legacy",
    "error_shape": "nested",
    "warnings_form": "objects",
    "status_expires_at": "missing",
}
VARIANTS = [
    pytest.param(
        {"metadata_echo": "yes"},
        ("errors flat", "list of entities entities", "metadata echoed with our nonce", "decision newest"),
        id="newest",
    ),
    pytest.param(
        OLDEST,
        ("errors nested", "list of entities data", "session sessionId given", "expiresAt missing", "decision legacy"),
        id="oldest",
    ),
    pytest.param(
        {"entities_path": "root", "list_rows": "abbreviated", "features": "lower"},
        ("entities path /entities, not /api/entities: set GU1_ENTITIES_PATH", "rows of lists short"),
        id="short rows elsewhere",
    ),
]


def fill(app):
    """Creates a person with an approved and a pending validation; returns the number of calls."""
    client = app.test_client()
    person = {"type": "person", "name": "Ana Gómez", "taxId": "20123456", "countryCode": "AR"}
    path = "/entities" if app.extensions["mock_gu1"].variant.entities_path == "root" else "/api/entities"
    created = client.post(path, json=person, headers=AUTHORIZED).json
    asked = {"entityId": (created.get("entity") or created.get("data"))["id"], "integrationCode": CODE}
    asked |= {"doubleCheckRenaper": True, "metadata": {"portal": {"nonce": "n"}}}
    first, _ = (client.post("/api/kyc/validations", json=asked, headers=AUTHORIZED).json for _ in range(2))
    client.post(f"/_mock/validations/{first['id']}/outcome", json={"outcome": "approve"})
    return 3


def check(folder, gu1_url, api_key=DEFAULT_API_KEY):
    database = f"sqlite:///{folder / 'portal.db'}"
    engine = make_engine(database)
    migrate(engine)
    engine.dispose()
    settings = {"PORTAL_DATABASE_URL": database, "GU1_BASE_URL": gu1_url, "GU1_API_KEY": api_key}
    return subprocess.run(
        [sys.executable, "-m", "portal", "check"],
        cwd=ROOT,
        env=os.environ | settings | {"GU1_WEBHOOK_SECRETS": "whsec"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("variant", "lines"), VARIANTS)
def test_check_names_the_generations_that_it_met(tmp_path, variant, lines):
    app = create_mock(**variant)
    with serving(app) as server:
        mock = app.extensions["mock_gu1"]
        mock.variants.change({"hourly_limit": fill(app) + MOST_REQUESTS})
        checked = check(tmp_path, server.url)
    said = [" ".join(line.split()).split(" (row ")[0] for line in checked.stdout.splitlines()]
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert {"gu1 key ok", "key accepted", "statuses pending 1, approved 1", "limit not met", *lines} <= set(said)


def test_check_fails_for_a_key_that_gu1_refuses(tmp_path):
    with serving(create_mock()) as server:
        checked = check(tmp_path, server.url, api_key="gk_wrong")
    assert checked.returncode == 1
    assert "gu1 key        FAILED  gu1 refused with HTTP 401 UNAUTHORIZED" in checked.stdout
