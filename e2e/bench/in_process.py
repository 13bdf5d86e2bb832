"""CPU of each route in process, in µs and against a bare Flask route. Prints a table for each database.

`python -m e2e.bench.in_process [POSTGRESQL_URL]`; the URL is of an empty database. Sides alternate round by round and
the best round counts, because whatever else the machine does only adds.
"""

from __future__ import annotations

import html
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

from portal.app import create_app
from portal.config import Config
from portal.domain.onboarding import Consent, Onboarding
from portal.domain.validation import CreationState, Validation
from portal.store.database import make_engine, migrate
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository

BASE_URL = "http://127.0.0.1:8000"
KEYS = ("k" * 32,)
ROUNDS = 15
REQUESTS = 60
"""In a round of each side."""
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html",
    "Accept-Language": "es-AR,es;q=0.8,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Connection": "keep-alive",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}

Call = Callable[[], str]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print_table("SQLite", f"sqlite:///{Path(folder) / 'portal.db'}")
    for url in sys.argv[1:]:
        print_table("PostgreSQL", url)


def print_table(name: str, database_url: str) -> None:
    sides = sides_on(database_url)
    best = measured({side: call for side, (call, _status) in sides.items()})
    bare = best["bare Flask route"]
    print(f"\n{name:20}{'µs':>10}{'of a bare route':>20}")
    for side, seconds in best.items():
        print(f"{side:20}{seconds * 1e6:10.1f}{seconds / bare:19.2f}×")


def measured(sides: dict[str, Call]) -> dict[str, float]:
    """Seconds of CPU per request."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(ROUNDS):
        for side, call in sides.items():
            began = time.process_time()
            for _ in range(REQUESTS):
                call()
            best[side] = min(best[side], (time.process_time() - began) / REQUESTS)
    return best


def sides_on(database_url: str) -> dict[str, tuple[Call, str]]:
    """Each with the status that it answered, which is checked."""
    app, path = portal_on(database_url)
    page = answer_of(app, path, {"Sec-Fetch-Dest": "document"})[1]
    polled = re.search(r'hx-get="([^"]+)"', page)
    assert polled, page
    unchanged = html.unescape(polled[1])
    changed = f"{path}/status?v=1-00000000-never-es-AR&part=status"
    asked: dict[str, tuple[Flask, str, dict[str, str], str]] = {
        "bare Flask route": (bare_app(), "/", {}, "200"),
        "unchanged poll": (app, unchanged, {}, "204"),
        "changed poll": (app, changed, {}, "200"),
        "status page": (app, path, {"Sec-Fetch-Dest": "document"}, "200"),
        "form": (app, "/", {"Sec-Fetch-Dest": "document"}, "200"),
        "/healthz": (app, "/healthz", {}, "200"),
    }
    sides = {}
    for side, (flask, address, headers, status) in asked.items():
        call = caller(flask, address, headers)
        for _ in range(20):
            assert call() == status, side
        sides[side] = call, status
    return sides


def bare_app() -> Flask:
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "ok")
    return app


def portal_on(database_url: str) -> tuple[Flask, str]:
    """The portal, and the path of an onboarding that waits for its verdict and is being looked at."""
    engine = make_engine(database_url)
    migrate(engine)
    waiting = a_waiting_one()
    Repository(engine, ColumnCipher(KEYS)).add(waiting)
    config = Config(
        base_url=BASE_URL,
        secret_keys=KEYS,
        database_url=database_url,
        gu1_base_url="http://127.0.0.1:1",
        gu1_api_key="key",
        gu1_webhook_secrets=("secret",),
    )
    app = create_app(config)
    return app, f"/o/{app.extensions['portal'].access_links.token(waiting)}"


def a_waiting_one() -> Onboarding:
    """Watched from now on, and changing by time alone not before half an hour."""
    now = datetime.now(UTC)
    since = now - timedelta(minutes=20)
    validation = Validation(
        number=1,
        nonce=secrets.token_urlsafe(16),
        creation_state=CreationState.ADOPTED,
        sends=1,
        sent_at=since,
        gu1_id=secrets.token_urlsafe(16),
        session_id=secrets.token_urlsafe(16),
        session_url="https://verify.didit.me/session/1",
        opened_at=since,
        created_at=since,
    )
    return Onboarding(
        id=secrets.token_urlsafe(16),
        locale="es-AR",
        country="AR",
        consent=Consent("1", since),
        entity_id="entity",
        watched_at=now + timedelta(minutes=10),
        validation=validation,
        due_at=now + timedelta(hours=1),
        created_at=since,
        updated_at=since,
    )


def answer_of(app: Flask, address: str, headers: dict[str, str]) -> tuple[str, str]:
    answer = app.test_client().get(address, base_url=BASE_URL, headers=headers)
    return answer.status, answer.get_data(as_text=True)


def caller(app: Flask, address: str, headers: dict[str, str]) -> Call:
    """One request as a server would make it; gives its status code."""
    environ = EnvironBuilder(address, base_url=BASE_URL, headers=BROWSER | headers).get_environ()
    heard: list[str] = []

    def start_response(status: str, _headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
        heard[:] = [status[:3]]
        return lambda _data: None

    def call() -> str:
        body = app(environ | {"wsgi.input": BytesIO()}, start_response)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close:
            close()
        return heard[0]

    return call


if __name__ == "__main__":
    main()
