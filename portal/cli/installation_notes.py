"""Entries of the installation's history. One that cannot be written is a warning, and ends nothing."""

from __future__ import annotations

import logging
import os
import pwd
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Engine, make_url

from portal.cli.reloaded import Read, entries_of
from portal.config import FIELDS, SECRETS, Config
from portal.domain.errors import StoreUnavailable
from portal.domain.installation_change import THE_SERVER, InstallationChange
from portal.environment import read_environment
from portal.store.clock import server_time
from portal.store.database import Schema, engine_of, make_engine, schema_of
from portal.store.installation_history import InstallationHistory

_ADDRESS = "PORTAL_DATABASE_URL"
_ACCOUNT = re.compile(r"[\w.@-]{1,64}")

log = logging.getLogger(__name__)


def note_by_server(engine: Engine, what: InstallationChange, details: str) -> None:
    try:
        _add(engine, what, THE_SERVER, details)
    except StoreUnavailable as error:
        log.warning("not noted in the installation's history: %s", error)


def note_reload(old: Read, new: Read) -> None:
    """In the database that is used from now on. Raises nothing.

    Not in a thread: new workers are forked next, and would inherit its connection and its locks. A database that
    hangs delays them by the few seconds that its time limits allow.
    """
    entries = [*entries_of(old, new)]
    if not entries:
        return
    try:
        engine = engine_of(new[0])
        try:
            for what, details in entries:
                note_by_server(engine, what, details)
        finally:
            engine.dispose()
    except Exception as error:  # must not end the server's loop
        log.warning("not noted in the installation's history: %s", _in_words(error))


def note(engine: Engine, what: InstallationChange, details: str) -> None:
    """That the operator's command did this."""
    with _warning_of_failure():
        _add(engine, what, operator(), details)


def note_where_there_is_a_database(what: InstallationChange, details: str) -> None:
    """For commands that need none, and may run on another machine than the portal."""
    with _warning_of_failure():
        address = _address_of_database()
        if address is None:
            return
        engine = make_engine(address, pool_size=1)
        try:
            if schema_of(engine) is Schema.BEHIND:
                raise StoreUnavailable("the database's schema is older than this release; run: portal migrate")
            _add(engine, what, operator(), details)
        finally:
            engine.dispose()


def operator() -> str:
    """The account that runs the command, and whose it is if that became another one by sudo."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as users without a name
        account = f"user {os.getuid()}"
    person = os.environ.get("SUDO_USER", "")
    return f"{person} as {account}" if _ACCOUNT.fullmatch(person) and person != account else account


@contextmanager
def _warning_of_failure() -> Iterator[None]:
    # Its lines would come beside the warning.
    logger = logging.getLogger("portal.store.database_errors")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    except Exception as error:  # of a driver that is missing, for example: the command did its work
        click.echo(f"Warning: not noted in the installation's history: {_in_words(error)}", err=True)
    finally:
        logger.disabled = was_disabled


def _in_words(error: Exception) -> str:
    """Texts of libraries may quote the database's address with its password."""
    return str(error) if isinstance(error, StoreUnavailable) else type(error).__name__


def _add(engine: Engine, what: InstallationChange, who: str, details: str) -> None:
    InstallationHistory(engine).add(server_time(engine), what, who, details)


def _address_of_database() -> str | None:
    """None for a SQLite file that nobody made yet: noting something is no reason to make it."""
    environment = read_environment(FIELDS, SECRETS)
    if environment.faults.keys() & {_ADDRESS, f"{_ADDRESS}_FILE"}:
        raise StoreUnavailable(f"{_ADDRESS} cannot be read")
    given = environment.given.get(_ADDRESS)
    address = given.text if given else str(Config.model_fields["database_url"].default)
    url = make_url(address)
    is_missing = url.get_backend_name() == "sqlite" and not Path(str(url.database).removeprefix("file:")).is_file()
    return None if is_missing else address
