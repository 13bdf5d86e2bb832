"""Onboardings in a stage that stays, made through the portal's own doors, and the requests of their applicants."""

from __future__ import annotations

import base64
import html
import json
import random
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import create_engine, func, literal, null, select, type_coerce

from e2e.bench.speed.generator import ANYTHING, Request, Right, get, post
from e2e.bench.speed.sides import Ground
from e2e.pages.applicant import a_document_number
from e2e.pages.forms import NAVIGATES, details, form_token, send_form
from e2e.servers import SECRET_KEY, Server
from portal.domain.validation import CreationState
from portal.store.column_types import UtcDateTime
from portal.store.tables import onboardings, validations
from portal.web.links import AccessLinks
from tests.local_http import LOCAL

PATIENCE = 60.0
HTMX_HEADERS = {"HX-Request": "true", "Accept": "text/html"}
HTMX = "".join(f"{name}: {value}\r\n" for name, value in HTMX_HEADERS.items())
OLDER = "v=1-00000000-never-es-AR&part=status"
"""Of the poll of a page that shows something older."""
POLL_URL = re.compile(r'hx-get="([^"]+/status\?[^"]*)"')
_FORM_TYPE = "Content-Type: application/x-www-form-urlencoded\r\n"
_VERSION = re.compile(rb'(?<=/status\?v=)[^"&]+')
_VARYING = re.compile(
    rb'(?<=name="form_token" type="hidden" value=")[^"]+|(?<=hx-trigger="every )[0-9]+|(?<=content=")[0-9]+(?=")'
    rb'|(?<=<p class="only-print reference">)[^<]+'
)
"""What differs between two answers of the same page, besides the version: tokens, the jittered interval, the time."""
_NOT_DUE_FOR = timedelta(minutes=50)
WAITED = timedelta(minutes=17)
"""More than the last age but one at which the page changes by time alone; see `portal/domain/polling.py`."""


def forms(door: Server, count: int, *, seed: int = 1) -> list[Request]:
    """Filled in first forms, each with a token of its own and another document number."""
    numbers = random.Random(seed).sample(range(31_000_000, 98_000_000), count)
    with httpx.Client(base_url=door.url, **LOCAL, timeout=PATIENCE) as client:
        return [_form(door, number, form_token(client.get("/").text)) for number in numbers]


def _form(door: Server, number: int, token: str) -> Request:
    content = str(httpx.QueryParams(details(str(number), token))).encode()
    return post(door.url, "/", content, Right(303, ANYTHING), _FORM_TYPE)


def seeded(ground: Ground, count: int, *, status: str | None = "in_review") -> list[str]:
    """The paths of this many status pages. The hosted page was opened; of each gu1 then said this status.

    One onboarding goes through the portal's doors. These are copies of its rows that have waited for so long that what
    they show stays the same for the next half hour.
    """
    link = urlsplit(send_form(ground.portal.url, a_document_number())).path
    wait_until_adopted(ground, 1)
    with httpx.Client(base_url=ground.portal.url, **LOCAL, timeout=PATIENCE) as client:
        while "/session/" not in client.get(f"{link}/continue", headers=NAVIGATES).headers.get("Location", ""):
            time.sleep(0.05)
        if status:
            content, headers = webhooks(ground, status)[0]
            client.post("/webhooks/gu1", content=content, headers=headers).raise_for_status()
    return [f"/o/{token}" for token in _copies(ground, link, count)]


def _copies(ground: Ground, link: str, count: int) -> list[str]:
    """Access tokens of copies, in the database and at gu1."""
    httpx.post(f"{ground.gu1.url}/_quick/copies", json={"count": count}, **LOCAL, timeout=PATIENCE)
    original, expires = json.loads(_payload(link))
    names = [f"{original}-{number}" for number in range(1, count + 1)]
    now = datetime.now(UTC)
    moments = {"due_at": now + _NOT_DUE_FOR, "updated_at": now - WAITED, "created_at": now - WAITED}
    times = {key: literal(moment, UtcDateTime()) for key, moment in moments.items()}
    engine = create_engine(ground.database_url)
    with engine.begin() as connection:
        for table, key, changes in (
            (onboardings, onboardings.c.id, {"submission": null(), **times}),
            (validations, validations.c.onboarding_id, {}),
        ):
            for number, name in enumerate(names, 1):
                given = changes | {key.key: literal(name)}
                if table is validations:
                    given |= {it: validations.c[it] + f"-{number}" for it in ("nonce", "gu1_id")}
                columns = list(table.columns)
                chosen = [given.get(it.key, it) for it in columns]
                copied = select(*(type_coerce(it, column.type) for it, column in zip(chosen, columns, strict=True)))
                connection.execute(table.insert().from_select(columns, copied.where(key == original)))
    engine.dispose()
    links, ends_at = AccessLinks([SECRET_KEY], lambda: datetime.now(UTC)), datetime.fromtimestamp(expires, UTC)
    return [links.token(SimpleNamespace(id=name, link_ends_at=ends_at, link_generation=0)) for name in names]


def _payload(link: str) -> bytes:
    signed = link.rsplit("/", 1)[-1].split(".", maxsplit=1)[0]
    return base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4))


def wait_until_adopted(ground: Ground, count: int, patience: float = PATIENCE) -> float:
    """The moment when this many validations have their hosted page; the time of `time.monotonic`."""
    engine = create_engine(ground.database_url)
    wanted = select(func.count()).where(validations.c.creation_state == CreationState.ADOPTED)
    deadline = time.monotonic() + patience
    try:
        while time.monotonic() < deadline:
            with engine.connect() as connection:
                found = connection.execute(wanted).scalar_one()
            if found >= count:
                return time.monotonic()
            time.sleep(0.05)
    finally:
        engine.dispose()
    raise RuntimeError(f"{found} of {count} onboardings are ready after {patience:.0f} s")


def webhooks(ground: Ground, status: str, validation: str | None = None) -> list[tuple[bytes, dict[str, str]]]:
    """One for each validation at gu1, or for this one, which moves to this status."""
    chosen = {"status": status, "validation": validation}
    told: dict[str, Any] = httpx.post(
        f"{ground.gu1.url}/_quick/webhooks", json=chosen, **LOCAL, timeout=PATIENCE
    ).json()
    return [
        (it["body"].encode(), {told["header"]: it["signature"], "Content-Type": "application/json"})
        for it in told["webhooks"]
    ]


class Visits:
    """The requests of applicants at their pages, each with the answer that is right now."""

    def __init__(self, door: Server, links: Sequence[str]) -> None:
        self._door = door
        self._links = links

    def unchanged_polls(self) -> list[Request]:
        """With the version that each page has now; it changes by time alone, so ask again before each burst."""
        with httpx.Client(base_url=self._door.url, **LOCAL, timeout=PATIENCE) as client:
            return [get(self._door.url, poll_url(client, it), Right(204), HTMX) for it in self._links]

    def changed_polls(self) -> list[Request]:
        return self._pages(f"{{}}/status?{OLDER}", HTMX)

    def status_pages(self) -> list[Request]:
        return self._pages("{}")

    def form(self) -> list[Request]:
        return [get(self._door.url, "/", Right(200, _fixed_parts(self._bodies(["/"])["/"])))]

    def health(self) -> list[Request]:
        return [get(self._door.url, "/healthz", Right(200, (self._bodies(["/healthz"])["/healthz"],)))]

    def _pages(self, path: str, headers: str = "") -> list[Request]:
        paths = [path.format(it) for it in self._links]
        bodies = self._bodies(paths, headers)
        return [get(self._door.url, it, Right(200, _fixed_parts(bodies[it])), headers) for it in paths]

    def _bodies(self, paths: Sequence[str], headers: str = "") -> dict[str, bytes]:
        told = HTMX_HEADERS if headers else {}
        bodies = {}
        with httpx.Client(base_url=self._door.url, **LOCAL, timeout=PATIENCE) as client:
            for path in paths:
                answer = client.get(path, headers={**told, "Accept-Encoding": "identity"})
                assert answer.status_code == 200, (path, answer.status_code)
                bodies[path] = answer.content
        return bodies


def poll_url(client: httpx.Client, link: str) -> str:
    answer = client.get(f"{link}/status?part=status", headers=HTMX_HEADERS)
    found = POLL_URL.search(answer.text)
    assert answer.status_code == 200 and found, (answer.status_code, answer.text[:200])
    return html.unescape(found[1])


def _fixed_parts(body: bytes) -> tuple[bytes, ...]:
    version = _VERSION.search(body)
    return tuple(_VARYING.sub(b"\0", body.replace(version[0], b"\0") if version else body).split(b"\0"))
