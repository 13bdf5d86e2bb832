"""portal partner new | rotate | link, as an operator types them."""

import tomllib

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.partners.registry import hash_of_key
from portal.partners.toml_file import read_registry
from portal.store.database import make_engine, migrate

SHOP = [
    "new",
    "shop",
    "--name",
    "El Shop",
    "--origin",
    "https://shop.example",
    "--return-url",
    "https://shop.example/x",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {"GU1_API_KEY": "key", "GU1_WEBHOOK_SECRETS": "secret", "PORTAL_SECRET_KEYS": "k" * 32}
    return lambda *words: CliRunner().invoke(main, ["partner", *words], env=environment)


@pytest.fixture
def shop(run, tmp_path):
    """A partners file with one partner, made as the README says."""
    made = run(*SHOP)
    path = tmp_path / "partners.toml"
    path.write_text(made.stdout)
    return made, path


def said(result, label):
    """What is told to the operator behind a label."""
    return next(line.split()[-1] for line in result.stderr.splitlines() if label in line)


def test_new_partner_can_be_read_and_its_key_opens_it(shop):
    made, path = shop
    registry = read_registry(path)
    assert registry.by_key(said(made, "API key")).slug == "shop"
    assert registry.get("shop").signing_secrets == (said(made, "signing secret"),)
    assert said(made, "API key") not in made.stdout


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["new", "Shop"], "slug"),
        (["new", "shop", "--origin", "https://shop.example/"], "origins.0"),
        (["new", "shop", "--return-url", "http://shop.example"], "return_urls.0"),
        (["rotate", "nobody", "--api-key"], "no partner nobody"),
        (["link", "nobody", "customer-1"], "no partner nobody"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_printed_to_paste(run, words, fault):
    refused = run(*words)
    assert refused.exit_code and fault in refused.stderr and not refused.stdout


def test_known_partner_is_not_made_anew(run, shop):
    assert "rotate shop" in run(*SHOP).stderr


def test_rotated_keys_hold_beside_the_old_ones(run, shop):
    _, path = shop
    old = read_registry(path).get("shop")
    keys, secrets = run("rotate", "shop", "--api-key"), run("rotate", "shop", "--signing-secret")
    assert tomllib.loads(keys.stdout)["api_keys"] == [hash_of_key(said(keys, "API key")), *old.api_keys]
    assert tomllib.loads(secrets.stdout)["signing_secrets"] == [*old.signing_secrets, said(secrets, "signing secret")]


@pytest.fixture
def migrated(shop):
    engine = make_engine("sqlite:///portal.db")
    migrate(engine)
    engine.dispose()


def test_link_is_one_for_one_customer(run, migrated):
    first, again, other = (run("link", "shop", customer).stdout for customer in ("customer-1", "customer-1", "c-2"))
    assert first == again != other and first.startswith("http://127.0.0.1:8000/o/")


def test_link_is_one_for_each_purpose(run, migrated):
    first, again, other = (run("link", "shop", "c-1", *it).stdout for it in (["--purpose", "credit"],) * 2 + ([],))
    assert first == again != other
    assert "purpose: " in run("link", "shop", "c-1", "--purpose", "Credit").stderr


def test_link_keeps_two_partners_customers_apart(run, shop, migrated):
    _, path = shop
    path.write_text(path.read_text() + run("new", "bank").stdout)
    own, others = run("link", "bank", "bank:customer-1"), run("link", "shop", "bank:customer-1")
    assert own.stdout.startswith("http://127.0.0.1:8000/o/") and not own.exit_code
    assert others.exit_code and not others.stdout
    assert "external_id: begins with another partner's prefix" in others.stderr
