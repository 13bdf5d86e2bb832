"""Where the counts of request limits are kept: in each process, or in a Redis or Valkey that replicas share."""

from __future__ import annotations

from urllib.parse import urlsplit

IN_MEMORY = "memory://"
NO_LIMITS = "none"
_REDIS = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
"""Valkey speaks Redis' protocol."""


def parsed_limit_storage(value: str) -> str:
    """As the library that counts takes it, or `NO_LIMITS`. Raises `ValueError`, without the value: it may be secret."""
    if value in {NO_LIMITS, IN_MEMORY}:
        return value
    scheme, _, rest = value.partition("://")
    if scheme not in _REDIS or not _has_host(value):
        raise ValueError(f"must be {NO_LIMITS}, {IN_MEMORY}, redis://host:port, rediss://… or the same with valkey")
    return f"{_REDIS[scheme]}://{rest}"


def _has_host(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
