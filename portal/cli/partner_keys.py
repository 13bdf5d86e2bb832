"""portal partner new | rotate | link"""

from __future__ import annotations

import json

import click
from pydantic import ValidationError

from portal.cli.common import configuration, in_development, partners_file, registry
from portal.cli.installation_notes import note_where_there_is_a_database
from portal.config import Config
from portal.domain.errors import ReservedExternalId, StoreUnavailable
from portal.domain.installation_change import InstallationChange
from portal.partners.registry import Partner, Registry, hash_of_key, new_key, new_signing_secret
from portal.partners.toml_file import SLUG


@click.command("new")
@click.argument("slug")
@click.option("--name", help="Shown to the partner's customers; default: the slug.")
@click.option("--origin", "origins", multiple=True, help="A site that may embed our pages in a frame.")
@click.option("--return-url", "return_urls", multiple=True, help="A page that customers may return to.")
@click.option("--notify-url", help="The address for notifications to the partner's backend.")
@click.option("--start-page", is_flag=True, help="Let anybody start at /s/SLUG, without the partner's backend.")
def new(
    slug: str,
    *,
    name: str | None,
    origins: tuple[str, ...],
    return_urls: tuple[str, ...],
    notify_url: str | None,
    start_page: bool,
) -> None:
    """Print the configuration of a new partner, and its API key, which is shown only once."""
    if not SLUG.fullmatch(slug):
        raise click.UsageError("a slug has at most 40 lower-case letters, digits and dashes")
    known = _local_registry()
    if known.get(slug):
        raise click.ClickException(f"partner {slug} exists already; for new keys run: portal partner rotate {slug}")
    key, secret = new_key(), new_signing_secret()
    stanza: dict[str, object] = {"name": name or slug, "origins": origins, "return_urls": return_urls}
    stanza |= {"api_keys": [hash_of_key(key)], "signing_secrets": [secret]}
    if known.partners:
        stanza["prefix_external_ids"] = True  # keeps the customers of different partners apart at gu1
    if notify_url:
        stanza["notify_url"] = notify_url
    if start_page:
        stanza["start_page"] = True
    try:
        Partner.model_validate({"slug": slug, **stanza}, context={"development": in_development()})
    except ValidationError as error:
        raise click.ClickException(_fault(error)) from None
    click.echo(f"[partners.{slug}]")
    for option, value in stanza.items():
        click.echo(f"{option} = {json.dumps(value, ensure_ascii=False)}")
    _print_note(f"\n# For the partner, over a secure channel. The key is shown only once:\n# API key         {key}")
    _print_note(f"# signing secret  {secret}")
    _print_note("# Add this to the partners file, run portal check, then send SIGHUP to the running portal.")
    note_where_there_is_a_database(InstallationChange.PARTNER_PREPARED, f"partner {slug}")


@click.command("rotate")
@click.argument("slug")
@click.option("--api-key", "what", flag_value="api-key", help="Print an additional API key.")
@click.option("--signing-secret", "what", flag_value="signing-secret", help="Print an additional signing secret.")
def rotate(slug: str, what: str | None) -> None:
    """Print an additional key or secret, and how to replace the old one; existing ones stay valid."""
    partner = _partner(_local_registry(), slug)
    if what == "api-key":
        key = new_key()
        click.echo(f"api_keys = {json.dumps([hash_of_key(key), *partner.api_keys])}")
        _print_note(f"\n# For the partner, over a secure channel. The key is shown only once:\n# API key  {key}")
        _print_note("# Both keys are valid. When the partner uses the new one, remove the old one from the list.")
        made = InstallationChange.API_KEY_MADE
    elif what == "signing-secret":
        secret = new_signing_secret()
        click.echo(f"signing_secrets = {json.dumps([*partner.signing_secrets, secret])}")
        _print_note(f"\n# For the partner, over a secure channel:\n# signing secret  {secret}")
        click.echo(
            "# Results are signed with the first secret, notifications with each. When the partner accepts the new"
        )
        _print_note("# one, move it to the front; after that, remove the old one.")
        made = InstallationChange.SIGNING_SECRET_MADE
    else:
        raise click.UsageError("give --api-key or --signing-secret")
    note_where_there_is_a_database(made, f"partner {slug}")


@click.command("link")
@click.argument("slug")
@click.argument("external_id")
@click.option("--purpose", help="What the customer is verified for, if the partner tells several apart.")
@click.option("--return-url", help="One of the partner's registered ones.")
def link(slug: str, external_id: str, purpose: str | None, return_url: str | None) -> None:
    """Print the access link of a customer's open onboarding, or of a new one."""
    config = configuration()
    partner = _partner(registry(config.partners_path, development=config.development), slug)
    if not partner.enabled:
        raise click.ClickException(f"partner {slug} is disabled")
    fields = {"external_id": external_id, "purpose": purpose, "return_url": return_url}
    click.echo(_access_link(config, partner, fields))


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _print_note(text: str) -> None:
    """On standard error, so that standard output can be redirected into the partners file."""
    click.echo(text, err=True)


def _local_registry() -> Registry:
    """Needs no other settings, so that partners can be prepared on another machine."""
    return registry(partners_file(), development=in_development())


def _partner(known: Registry, slug: str) -> Partner:
    partner = known.get(slug)
    if partner is None:
        raise click.ClickException(f"no partner {slug}")
    return partner


def _access_link(config: Config, partner: Partner, fields: dict[str, str | None]) -> str:
    # Imported late: the metrics in these decide at import whether several processes share them.
    from portal.app import create_app  # noqa: PLC0415
    from portal.web.partner_api.api_models import OnboardingRequest  # noqa: PLC0415
    from portal.web.partner_api.create_request import create_request  # noqa: PLC0415

    portal = create_app(config).extensions["portal"]
    try:
        sent = OnboardingRequest.model_validate(fields, context=partner.return_url)
        request = create_request(portal.partners, partner, sent, default_locale=config.default_locale)
        onboarding = portal.partner_onboardings.create(request).onboarding
    except ValidationError as error:
        raise click.ClickException(_fault(error)) from None
    except ReservedExternalId:
        raise click.ClickException("external_id: begins with another partner's prefix") from None
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from None
    return f"{config.base_url}/o/{portal.access_links.token(onboarding)}"
