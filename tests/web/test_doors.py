"""Every door with every key: generated from the URL map, so that a new address needs a place in this table."""

import hashlib
import hmac
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, event

from portal.domain.stage import Stage
from portal.services.request_ids import HEADER
from portal.store.tables import metadata
from portal.web.links import AccessLinks, FormTokens
from tests.conftest import WEBHOOK_SECRET
from tests.databases import on_both_databases
from tests.factories import an_onboarding, some_details
from tests.partners import KEYS, partners_file
from tests.web.conftest import ONBOARDINGS, token_in
from tests.web.stages import stored_as

OPEN = {
    "GET /",
    "GET /Q/<code>",
    "GET /accessibility",
    "GET /api/v1/openapi.json",
    "GET /api/v1/problems/<code>",
    "GET /embed.js",
    "GET /embed-<version>.js",
    "GET /embed.d.ts",
    "GET /healthz",
    "GET /logo/<slug>",
    "GET /metrics",
    "GET /privacy",
    "GET /readyz",
    "GET /return",
    "GET /s/<slug>",
    "GET /static/<path:name>",
    "POST /Q/<code>",
}
"""Whoever asks."""


def doors(app):
    """Method and rule of every address, by the key that opens it."""
    kinds = {"mail": [], "open": [], "form": [], "link": [], "link and form": [], "partner": [], "gu1": []}
    for rule in app.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            kinds[kind_of(f"{method} {rule.rule}", method)].append((method, rule.rule))
    return kinds


def kind_of(door, method):
    if door in OPEN:
        return "open"
    if "/mails/<key>" in door:
        return "mail"
    if "<token>" in door:
        return "link" if method == "GET" else "link and form"
    if "/api/v1/" in door:
        return "partner"
    return {"POST /": "form", "POST /s/<slug>": "form", "POST /webhooks/gu1": "gu1"}[door]


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path, shop="start_page = true")})


@pytest.fixture
def everything_stored(sql):
    """All rows, to see that nothing changed."""
    return lambda: {table: sorted(map(repr, sql(f"SELECT * FROM {table}"))) for table in metadata.tables}


@pytest.fixture
def refused(ask, everything_stored):
    """Asks with each of some wrong keys, and looks that each gets its status and changes nothing."""

    def refused(method, path, keys, **options):
        before = everything_stored()
        for name, (changes, expected) in keys.items():
            answer = ask(method, **{"path": path} | options | changes)
            assert answer.status_code == expected, (method, path, name, answer.status_code)
            assert b"planted" not in answer.data, (method, path, name)
        assert everything_stored() == before, (method, path)

    return refused


@pytest.fixture
def tokens(app, clock):
    """Of every kind, all but the first for somebody or something else."""
    links, forms = app.extensions["portal"].access_links, app.extensions["portal"].form_tokens
    elsewhere = ("another key of thirty-two characters",)
    return links, forms, AccessLinks(elsewhere, clock), FormTokens(elsewhere, "2026-01", clock)


def wrong_links(tokens, onboarding, expired):
    """What stands in the place of an access link, and what the doors answer."""
    links, forms, other_links, _ = tokens
    good = links.token(onboarding)
    head = good.rpartition(".")[0]
    return {
        "none": ("-", 404),
        "the id alone": (onboarding.id, 404),
        "a form token": (forms.issue(onboarding.id), 404),
        "signed by somebody else": (other_links.token(onboarding), 404),
        "a partner's key": (KEYS["shop"], 404),
        "unsigned": (head, 404),
        "with an empty signature": (f"{head}.", 404),
        "with another's signature": (f"{head}.{links.token(expired).rpartition('.')[2]}", 404),
        "longer": (f"{good}AA", 404),
        "with another last character": (good[:-1] + ("A" if good[-1] != "A" else "B"), 404),
        "in capitals": (good.upper(), 404),
        "expired": (links.token(expired), 410),
    }


@pytest.fixture
def people(store, clock):
    """One whose link works and one whose link is over. The page of each shows a planted name."""
    shown = {"details": some_details(first_name="planted"), **stored_as(Stage.DETAILS)}
    others = shown | stored_as(Stage.DETAILS)
    return store.add(an_onboarding(**shown)), store.add(
        an_onboarding(created_at=clock.now.replace(year=2025), **others)
    )


@pytest.mark.asvs("6.1.3", "6.3.4", "8.1.1")
def test_every_address_has_a_place_in_the_table(app):
    kinds = doors(app)
    assert {f"{method} {rule}" for method, rule in kinds["open"]} == OPEN
    assert all(kinds.values())


@pytest.mark.asvs("7.2.1", "8.2.1")
def test_no_wrong_link_opens_a_page(app, ask, refused, tokens, people):
    onboarding, expired = people
    assert "planted" in ask("GET", f"/o/{tokens[0].token(onboarding)}").text
    form = {"form_token": tokens[1].issue(onboarding.id), "attempt": "1"}
    for method, rule in doors(app)["link"] + doors(app)["link and form"]:
        keys = {
            name: ({"path": rule.replace("<token>", token)}, statuses)
            for name, (token, statuses) in wrong_links(tokens, onboarding, expired).items()
        }
        refused(method, rule, keys, **({"data": form} if method == "POST" else {}))


@pytest.mark.asvs("3.5.1", "8.3.1")
def test_no_wrong_form_token_presses_a_button(app, refused, tokens, people, clock):
    onboarding, expired = people
    links, forms, _, other_forms = tokens
    good, link = forms.issue(onboarding.id), links.token(onboarding)
    clock.advance(hours=-25)
    stale = forms.issue(onboarding.id)
    clock.advance(hours=25)
    wrong = {
        "none": None,
        "empty": "",
        "an access link": link,
        "of another onboarding": forms.issue(expired.id),
        "of the first page": forms.issue("direct"),
        "signed by somebody else": other_forms.issue(onboarding.id),
        "padded": f"{good}~~",
        "a day old": stale,
    }
    sent = {
        name: {"attempt": "1"} | ({"form_token": token} if token is not None else {}) for name, token in wrong.items()
    }
    for method, rule in doors(app)["link and form"]:
        # Without a number to correct, that page leads back and looks at no form.
        expected = 303 if rule == "/o/<token>/number" else 400
        # A button holds for as long as the link; a form with typed details for a day.
        is_button = rule.endswith(("/retry", "/stop", "/erasure", "/continue", "/photos-done"))
        tried = {name: it for name, it in sent.items() if not is_button or name != "a day old"}
        keys = {name: ({"data": data}, expected) for name, data in tried.items()}
        refused(method, rule.replace("<token>", link), keys)
    for method, rule in doors(app)["form"]:
        is_first = rule == "/"
        keys = {
            name: ({"data": data}, 400) for name, data in sent.items() if not is_first or name != "of the first page"
        }
        refused(method, rule.replace("<slug>", "shop"), keys)


@pytest.mark.asvs("6.1.1", "8.2.1")
def test_no_wrong_key_calls_the_partner_api(app, refused, create, tokens, people):
    made = create(state="planted").json
    link = token_in(urlsplit(made["url"]).path)
    bearer = "Bearer {}".format
    wrong = {
        "none": ({}, 401),
        "empty": ({"Authorization": "Bearer "}, 401),
        "unknown": ({"Authorization": bearer(KEYS["shop"][:-1] + "x")}, 401),
        "its hash": ({"Authorization": bearer(hashlib.sha256(KEYS["shop"].encode()).hexdigest())}, 401),
        "longer": ({"Authorization": bearer(KEYS["shop"] + "~")}, 401),
        "in capitals": ({"Authorization": bearer(KEYS["shop"].upper())}, 401),
        "as a password": ({"Authorization": "Basic c2hvcDpzaG9w"}, 401),
        "an access link": ({"Authorization": bearer(link)}, 401),
        "a form token": ({"Authorization": bearer(tokens[1].issue(made["id"]))}, 401),
        "the webhook secret": ({"Authorization": bearer(WEBHOOK_SECRET)}, 401),
        "of a partner that is off": ({"Authorization": bearer(KEYS["gone"])}, 403),
    }
    for method, rule in doors(app)["partner"]:
        path = rule.replace("<onboarding_id>", made["id"]).replace("<event_id>", "evt_x")
        body = {"json": {"external_id": "customer-7"}} if method == "POST" else {}
        keys = {name: ({"headers": headers}, expected) for name, (headers, expected) in wrong.items()}
        refused(method, path, keys, **body)
        if "<onboarding_id>" in rule:
            theirs = {"of another partner": ({"headers": {"Authorization": bearer(KEYS["bank"])}}, 404)}
            refused(method, path, theirs, **({"json": {}} if method == "PATCH" else {}))


@pytest.mark.asvs("8.2.1")
def test_no_wrong_signature_delivers_a_webhook(app, refused, tokens, people):
    body = b'{"event": "kyc.validation_approved", "payload": {"id": "planted"}}'
    good = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    wrong = {
        "none": None,
        "empty": "",
        "of another body": hmac.new(WEBHOOK_SECRET.encode(), body + b" ", hashlib.sha256).hexdigest(),
        "with another secret": hmac.new(b"another", body, hashlib.sha256).hexdigest(),
        "without a secret": hmac.new(b"", body, hashlib.sha256).hexdigest(),
        "shorter": good[:-2],
        "longer": good + "00",
        "the secret itself": WEBHOOK_SECRET,
        "an access link": tokens[0].token(people[0]),
        "a partner's key": KEYS["shop"],
    }
    for method, rule in doors(app)["gu1"]:
        sent = {name: {"X-Webhook-Signature": value} if value is not None else {} for name, value in wrong.items()}
        refused(method, rule, {name: ({"headers": headers}, 401) for name, headers in sent.items()}, data=body)


@pytest.mark.asvs("8.2.2")
@on_both_databases
def test_another_partners_onboarding_is_asked_for_like_one_that_never_was(app, api, create):
    """The same bytes after the same queries, for a read, the history and an erasure."""
    theirs, never = create(key=KEYS["bank"]).json["id"], "A" * 22
    asked = []

    def listen(_connection, _cursor, statement, *_more):
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        for method, rule in doors(app)["partner"]:
            if "<onboarding_id>" in rule:
                answers = []
                for onboarding_id in (theirs, never):
                    asked.clear()
                    path = rule.replace("<onboarding_id>", onboarding_id).replace("<event_id>", "evt_x")
                    answer = api(method, path, {} if method == "PATCH" else None, headers={HEADER: "req-1"})
                    answers.append((answer.status_code, answer.data, sorted(answer.headers), list(asked)))
                assert answers[0] == answers[1]
                assert (answers[0][0], bool(answers[0][3])) == (404, True)
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert api("GET", f"{ONBOARDINGS}/{theirs}", key=KEYS["bank"]).status_code == 200
