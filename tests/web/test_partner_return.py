"""Back to the partner, with a result that it can check."""

import hmac
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import pytest

from portal.domain.stage import Stage
from portal.partners.toml_file import read_registry
from tests.factories import NOW
from tests.partners import RETURN_URL, partners_file
from tests.web.stages import stored_as


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def sent(stored):
    """A customer of the shop in some stage."""
    return lambda stage, **changes: stored(
        **{"partner": "shop", "external_id": "customer-7", "return_url": RETURN_URL, "state": "a b&c"}
        | stored_as(stage)
        | changes
    )


@pytest.fixture
def went_back(ask):
    return lambda path: ask("GET", f"{path}/back").headers["Location"]


def test_result_is_signed_as_the_partner_checks_it(sent, went_back, config):
    url = went_back(sent(Stage.APPROVED, id="onboarding-of-shop"))
    message, _, signature = urlsplit(url).query.partition("&signature=")
    secret = read_registry(config.partners_file).get("shop").signing_secrets[0]
    assert signature == hmac.new(secret.encode(), message.encode(), sha256).hexdigest()
    assert dict(parse_qsl(message)) == {
        "onboarding_id": "onboarding-of-shop",
        "status": "approved",
        "state": "a b&c",
        "t": str(int(NOW.timestamp())),
    }


@pytest.mark.asvs("1.2.2")
def test_query_of_the_return_url_is_kept_and_signed_too(sent, went_back):
    url = went_back(sent(Stage.APPROVED, return_url=f"{RETURN_URL}?order=7", state=None))
    assert url.startswith(f"{RETURN_URL}?order=7&onboarding_id=") and "state=" not in url


@pytest.mark.parametrize("stage", [Stage.APPROVED, Stage.REJECTED, Stage.IN_REVIEW, Stage.CLOSED, Stage.CANCELLED])
def test_button_leads_back_where_nothing_is_left_to_wait_for(sent, visitor, stage):
    path = sent(stage)
    assert visitor.get(path).one("a", href=f"{path}/back")["target"] == "_top"


@pytest.mark.parametrize("stage", [Stage.PREPARING, Stage.READY, Stage.WAITING, Stage.CONFIRMING, Stage.DELAYED])
def test_nobody_is_led_away_from_a_wait(sent, visitor, stage):
    path = sent(stage)
    assert visitor.get(path).all("a", href=f"{path}/back") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"return_url": None},
        {"return_url": "https://shop.example/not-any-more"},
        {"partner": "bank"},
        {"partner": None},
    ],
)
def test_without_a_registered_address_it_leads_nowhere_else(sent, visitor, went_back, changes):
    path = sent(Stage.APPROVED, **changes)
    assert visitor.get(path).all("a", href=f"{path}/back") == []
    assert went_back(path) == path


def test_held_approval_is_told_as_in_review(sent, went_back):
    assert "&status=in_review&" in went_back(sent(Stage.CONFIRMING))


@pytest.mark.parametrize("partner", ["gone", "left"])
def test_partner_that_is_off_or_away_gets_nobody_back(sent, ask, partner):
    assert ask("GET", f"{sent(Stage.APPROVED, partner=partner)}/back").status_code == 410
