"""The `portal` command."""

from __future__ import annotations

import click

from portal.cli.check import check
from portal.cli.config_command import config_command
from portal.cli.demo import demo
from portal.cli.history_command import history
from portal.cli.migrate import migrate_command
from portal.cli.onboarding_group import onboarding_group
from portal.cli.partner import partner_group
from portal.cli.progress import Commands
from portal.cli.purge import purge
from portal.cli.rekey import rekey
from portal.cli.restore_check import restore_check
from portal.cli.reverify import reverify
from portal.cli.serve import serve
from portal.cli.status_command import status


@click.group(cls=Commands)
@click.version_option(package_name="kyc-onboarding-portal", prog_name="portal")
def main() -> None:
    """An onboarding portal in front of gu1's KYC API."""


for command in (
    serve,
    check,
    config_command,
    migrate_command,
    partner_group,
    onboarding_group,
    restore_check,
    reverify,
    rekey,
    purge,
    status,
    history,
    demo,
):
    main.add_command(command)
