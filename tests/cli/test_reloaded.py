from portal.cli.reloaded import changes_between
from portal.partners.registry import Partner, Registry, hash_of_key, new_signing_secret

SECRET = new_signing_secret()


def registry_of(**keys):
    return Registry(
        {
            slug: Partner(slug=slug, name=slug, api_keys=(hash_of_key(key),), signing_secrets=(SECRET,))
            for slug, key in keys.items()
        }
    )


def test_what_changed_is_named_and_its_value_is_not(config):
    old = (config, registry_of(shop="old", bank="same", gone="same"))
    changed = config.model_copy(update={"gu1_webhook_secrets": ("another-secret",), "hsts_subdomains": True})
    new = (changed, registry_of(shop="new", bank="same", fresh="same"))
    assert changes_between(old, new).split(", ") == [
        *("PORTAL_HSTS_SUBDOMAINS", "GU1_WEBHOOK_SECRETS"),
        *("partner fresh added", "partner gone removed", "partner shop: api_keys"),
    ]


def test_reload_that_changes_nothing_says_so(config):
    same = (config, registry_of(shop="same"))
    assert changes_between(same, same) == "nothing changed"
