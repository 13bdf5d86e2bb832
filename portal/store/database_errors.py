"""The database's failures, in the portal's own words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from portal.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns whatever SQLAlchemy raises inside into `StoreUnavailable`."""
    try:
        yield
    except SQLAlchemyError as error:
        name = _name(error)
        log.error("the database failed: %s", name)
        # PostgreSQL quotes the failing row in its messages, so the cause must not reach a traceback.
        raise StoreUnavailable(f"the database failed: {name}") from None


def _name(error: SQLAlchemyError) -> str:
    name = type(error).__name__
    if isinstance(error, DBAPIError) and error.orig is not None:
        return f"{name} ({type(error.orig).__name__})"
    return name
