"""Turns errors of the database into `StoreUnavailable`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from portal.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)


@contextmanager
def store_errors() -> Iterator[None]:
    """Raises `StoreUnavailable` instead of any SQLAlchemy error."""
    try:
        yield
    except SQLAlchemyError as error:
        # PostgreSQL's messages quote the row, so the cause must not reach a traceback.
        raise unavailable(error) from None


def unavailable(error: Exception) -> StoreUnavailable:
    """Logs the error of SQLAlchemy or of a driver."""
    name = _name(error)
    log.error("the database failed: %s", name)
    return StoreUnavailable(f"the database failed: {name}")


def _name(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, DBAPIError) and error.orig is not None:
        return f"{name} ({type(error.orig).__name__})"
    return name
