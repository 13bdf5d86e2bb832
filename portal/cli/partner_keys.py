"""portal partner new | rotate | link"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from pydantic import ValidationError

from portal.cli.common import configuration, registry
from portal.config import Config, usual_partners_file
from portal.domain.errors import ReservedExternalId, StoreUnavailable
from portal.partners.registry import Partner, Registry, hash_of_key, new_key, new_signing_secret
from portal.partners.toml_file import SLUG


@click.command("new")
@click.argument("slug")
@click.option("--name", help="As the partner's customers know it; default: the slug.")
@click.option("--origin", "origins", multiple=True, help="A site whose pages may hold ours in a frame.")
@click.option("--return-url", "return_urls", multiple=True, help="Where customers may be sent back to.")
@click.option("--notify-url", help="Where the partner's backend is told of changes.")
def new(
    slug: str, name: str | None, origins: tuple[str, ...], return_urls: tuple[str, ...], notify_url: str | None
) -> None:
    """Print the stanza of a new partner, with an API key that is shown only now."""
    if not SLUG.fullmatch(slug):
        raise click.UsageError("a slug is lower-case letters, digits and dashes, 40 at the most")
    known = _registry_here()
    if known.get(slug):
        raise click.ClickException(f"there is a partner {slug} already; for new keys: portal partner rotate {slug}")
    key, secret = new_key(), new_signing_secret()
    stanza: dict[str, object] = {"name": name or slug, "origins": origins, "return_urls": return_urls}
    stanza |= {"api_keys": [hash_of_key(key)], "signing_secrets": [secret]}
    if known.partners:
        stanza["prefix_external_ids"] = True  # gu1 has to tell their customers from those of the others
    if notify_url:
        stanza["notify_url"] = notify_url
    try:
        Partner.model_validate({"slug": slug, **stanza})
    except ValidationError as error:
        raise click.ClickException(_fault(error)) from None
    click.echo(f"[partners.{slug}]")
    for option, value in stanza.items():
        click.echo(f"{option} = {json.dumps(value, ensure_ascii=False)}")
    _tell(f"\n# For the partner, over a safe way. The key is shown only now:\n# API key         {key}")
    _tell(f"# signing secret  {secret}")
    _tell("# Put the stanza into the partners file, then: portal check, and kill -HUP the running portal.")


@click.command("rotate")
@click.argument("slug")
@click.option("--api-key", "what", flag_value="api-key", help="A further API key.")
@click.option("--signing-secret", "what", flag_value="signing-secret", help="A further signing secret.")
def rotate(slug: str, what: str | None) -> None:
    """Print a further key or secret beside those that hold, and how to change over without a gap."""
    partner = _partner(_registry_here(), slug)
    if what == "api-key":
        key = new_key()
        click.echo(f"api_keys = {json.dumps([hash_of_key(key), *partner.api_keys])}")
        _tell(f"\n# For the partner, over a safe way, and shown only now:\n# API key  {key}")
        _tell("# Both work. When the partner uses the new one, take the old one out of the list.")
    elif what == "signing-secret":
        secret = new_signing_secret()
        click.echo(f"signing_secrets = {json.dumps([*partner.signing_secrets, secret])}")
        _tell(f"\n# For the partner, over a safe way:\n# signing secret  {secret}")
        click.echo(
            "# Results are signed with the first, notifications with each. When the partner accepts the new one,"
        )
        _tell("# put it first; when nothing is signed with the old one any more, take that out.")
    else:
        raise click.UsageError("name what to rotate: --api-key or --signing-secret")


@click.command("link")
@click.argument("slug")
@click.argument("external_id")
@click.option("--return-url", help="One of the partner's registered ones.")
def link(slug: str, external_id: str, return_url: str | None) -> None:
    """Print the access link of a customer: of the open onboarding, else of a new one."""
    config = configuration()
    partner = _partner(registry(config.partners_path), slug)
    if not partner.enabled:
        raise click.ClickException(f"partner {slug} is switched off")
    click.echo(_access_link(config, partner, external_id, return_url))


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _tell(words: str) -> None:
    """Beside what belongs into the partners file, so that a redirection takes only that."""
    click.echo(words, err=True)


def _registry_here() -> Registry:
    """Without the rest of the configuration, which whoever prepares a partner need not have."""
    named = os.environ.get("PORTAL_PARTNERS_FILE")
    return registry(Path(named) if named else usual_partners_file())


def _partner(known: Registry, slug: str) -> Partner:
    partner = known.get(slug)
    if partner is None:
        raise click.ClickException(f"there is no partner {slug}")
    return partner


def _access_link(config: Config, partner: Partner, external_id: str, return_url: str | None) -> str:
    # Imported late: the metrics in these decide at import whether several processes share them.
    from portal.app import create_app  # noqa: PLC0415
    from portal.web.partner_api.api_models import OnboardingRequest  # noqa: PLC0415
    from portal.web.partner_api.create_request import create_request  # noqa: PLC0415

    portal = create_app(config).extensions["portal"]
    fields = {"external_id": external_id, "return_url": return_url}
    try:
        sent = OnboardingRequest.model_validate(fields, context=partner.allows_return_to)
        request = create_request(portal.partners, partner, sent, default_locale=config.default_locale)
        onboarding = portal.partner_onboardings.create(request).onboarding
    except ValidationError as error:
        raise click.ClickException(_fault(error)) from None
    except ReservedExternalId:
        raise click.ClickException("external_id: begins with another partner's prefix") from None
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from None
    return f"{config.base_url}/o/{portal.access_links.token(onboarding)}"
