"""Settings as the operator gave them: environment variables, a `.env` file in the working directory, secret files."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dotenv import dotenv_values

ENV_FILE = Path(".env")
WORKERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder that the worker processes of one server share. prometheus_client reads it at its import."""
_OURS = ("PORTAL_", "GU1_")
_FILE = "file "
"""Before the path in the source of what a file holds."""
_NEAR = 0.6
_MISTYPED = 0.85
"""How alike names must be that do not even begin like ours."""
# Kubernetes gives every container such variables for a service that is called `portal`.
_SERVICE_LINK = re.compile(r"PORTAL(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)")
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://\S+")


@dataclass(frozen=True, slots=True)
class Given:
    """One setting's text, without white space around it, and where it stands."""

    text: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class Environment:
    given: Mapping[str, Given]
    """By the setting's name. What is blank is not given."""
    faults: Mapping[str, str]
    """By the variable's name: what could not be read."""
    unknown: Mapping[str, str | None]
    """Variables that look like ours and are none, each with the nearest that is one."""

    @property
    def secret_files(self) -> list[Path]:
        return [Path(it.source.removeprefix(_FILE)) for it in self.given.values() if it.source.startswith(_FILE)]


def read_environment(settings: Iterable[str], secrets: Iterable[str]) -> Environment:
    """`secrets` are the settings that a file may hold, whose path `…_FILE` names."""
    secrets = tuple(secrets)
    known = {*settings, *(f"{name}_FILE" for name in secrets)}
    faults: dict[str, str] = {}
    variables = _env_file(faults) | _given(os.environ, "environment")
    given = {name: it for name, it in variables.items() if name in known}
    for name in secrets:
        named = given.pop(f"{name}_FILE", None)
        if named and name in given:
            faults[name] = f"is set twice, here and as {name}_FILE"
        elif named:
            try:
                given[name] = Given(Path(named.text).read_text("utf-8").strip(), f"{_FILE}{named.text}")
            except (OSError, UnicodeDecodeError, ValueError) as error:
                faults[f"{name}_FILE"] = f"cannot be read: {getattr(error, 'strerror', None) or 'is not text'}"
    return Environment(given, faults, _unknown(variables, known))


def folder_of_workers() -> Path | None:
    """None in a process that shares nothing."""
    folder = os.environ.get(WORKERS_FOLDER)
    return Path(folder) if folder else None


def nearest(name: str, known: Iterable[str], cutoff: float = _NEAR) -> str | None:
    """What somebody most likely meant. Case, dashes and underscores do not matter."""
    return _nearest(name, frozenset(known), cutoff)


@lru_cache(maxsize=1024)  # a process reads its environment at its start and for each reload
def _nearest(name: str, known: frozenset[str], cutoff: float) -> str | None:
    by_form = {_form(it): it for it in sorted(known)}
    found = difflib.get_close_matches(_form(name), by_form, n=1, cutoff=cutoff)
    return by_form[found[0]] if found else None


def _env_file(faults: dict[str, str]) -> dict[str, Given]:
    if not ENV_FILE.is_file():
        return {}
    try:
        values = dotenv_values(ENV_FILE)
    except (OSError, UnicodeDecodeError) as error:
        faults[str(ENV_FILE)] = f"cannot be read: {getattr(error, 'strerror', None) or 'is not text'}"
        return {}
    return _given(values, str(ENV_FILE))


def _given(values: Mapping[str, str | None], source: str) -> dict[str, Given]:
    return {name.upper(): Given(text, source) for name, value in values.items() if (text := (value or "").strip())}


def _unknown(variables: Mapping[str, Given], known: set[str]) -> dict[str, str | None]:
    found = {}
    for name, value in sorted(variables.items()):
        if name in known or _SERVICE_LINK.fullmatch(name) or _LINK_VALUE.fullmatch(value.text):
            continue
        ours = name.startswith(_OURS)
        near = nearest(name, known, _NEAR if ours else _MISTYPED)
        if ours or near:
            found[name] = near
    return found


@lru_cache(maxsize=1024)
def _form(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
