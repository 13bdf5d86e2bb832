"""portal demo"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click

DEMO = "e2e.demo"
"""Imported by name: it is not part of the package, so it may be missing."""


@click.command("demo")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where all of them listen.")
@click.option("--folder", default=".demo", show_default=True, help="For the database, the logs and the partners file.")
@click.option(
    "--ports",
    default="8000,9000,8100,9025",
    show_default=True,
    metavar="PORTAL,MOCK,SHOP,SMTP",
    help="Where each of them listens.",
)
def demo(host: str, folder: str, ports: str) -> None:
    """Run a mock of gu1, a portal and a sample shop, to try everything without a key of gu1."""
    if not find_spec(DEMO.partition(".")[0]) or not find_spec(DEMO):
        raise click.ClickException(
            "there is no mock of gu1 in this installation; `docker build --target demo` makes an image that has one, "
            "and in the project's folder `make demo` runs it"
        )
    arguments = ["--host", host, "--folder", folder, "--ports", ports]
    os.execv(sys.executable, [sys.executable, "-m", DEMO, *arguments])  # noqa: S606 - the same Python, no shell
