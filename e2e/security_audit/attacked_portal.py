"""A running portal with an onboarding at each stage, and requests that know its links and keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from e2e.servers import SECRET_KEY, Server, environment
from portal.app import create_app
from portal.config import Config
from portal.store.database import make_engine, migrate
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import an_onboarding
from tests.partners import KEYS, partners_file
from tests.web.hostile_requests import HOME, HostileRequests
from tests.web.stages import SHOWN, stored_as


@dataclass(frozen=True)
class AttackedPortal:
    server: Server
    hostile: Callable[[int], HostileRequests]
    """By seed."""

    def resident_megabytes(self) -> float:
        """Of the server's processes together."""
        assert self.server.process
        return sum(_resident(pid) for pid in _family(self.server.process.pid))


@contextmanager
def attacked_portal(folder: Path, database_url: str) -> Iterator[AttackedPortal]:
    """The database must not have a schema yet if it is SQLite."""
    partners = partners_file(folder)
    env = {
        "PORTAL_BASE_URL": f"http://{HOME}",
        "PORTAL_SECRET_KEYS": SECRET_KEY,
        "PORTAL_PARTNERS_FILE": str(partners),
        "GU1_PROVIDER_HOSTS": "verify.example.com,127.0.0.1",
    }
    engine = make_engine(database_url)
    migrate(engine)
    config = Config(
        secret_keys=(SECRET_KEY,),
        database_url=database_url,
        gu1_base_url="http://127.0.0.1:1",
        gu1_api_key="key",
        gu1_webhook_secrets=("secret-of-webhooks",),
        gu1_provider_hosts=("verify.example.com",),
        partners_file=partners,
    )
    app, store, now = create_app(config), Repository(engine, ColumnCipher((SECRET_KEY,))), datetime.now(UTC)
    links, forms = app.extensions["portal"].access_links, app.extensions["portal"].form_tokens
    # Not due for a day, so that the runner leaves them at their stages.
    later = now + timedelta(days=1)
    ids = [store.add(an_onboarding(created_at=now, due_at=later, **stored_as(stage))).id for stage in SHOWN]
    invited = an_onboarding(created_at=now, due_at=None, details=None, partner="shop", external_id="customer-7")
    stored = [store.get(it) for it in [*ids, store.add(invited).id]]
    known = [*map(links.token, stored), invited.id, "shop", "portal.css"]
    known += [forms.issue("direct"), forms.issue(stored[0].id)]
    good = {
        "Accept": ["application/json", "text/html"],
        "Authorization": [f"Bearer {KEYS['shop']}", f"Bearer {KEYS['gone']}"],
        "HX-Request": ["true"],
        "Origin": [f"http://{HOME}", "https://shop.example"],
    }
    rules = list(app.url_map.iter_rules())
    engine.dispose()
    with environment(folder, database_url=database_url, env=env) as running:
        yield AttackedPortal(running.portal, lambda seed: HostileRequests(seed, rules, known, good))


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    for child in map(int, children.split()):
        yield from _family(child)


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
