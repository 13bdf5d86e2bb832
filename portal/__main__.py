"""The `portal` command, also as `python -m portal`."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

HEAPS = "MALLOC_ARENA_MAX"
"""An environment variable of glibc, which other C libraries do not know."""


def run() -> None:
    _share_heaps()
    gc.disable()  # Searching what is being imported would take a seventh of the start.
    try:
        command = import_module("portal.cli").main
    except KeyboardInterrupt:
        print("Interrupted: nothing was changed.", file=sys.stderr)  # noqa: T201 - before there is a command
        sys.exit(130)
    gc.freeze()
    gc.enable()
    command()


def _share_heaps() -> None:
    """Starts `portal serve` anew with two heaps for each process, unless the operator chose a number.

    glibc gives threads up to eight for each core, and half of each is free after a while: with two, the workers have a
    tenth less memory after ten minutes of load. It looks at its environment only when a process starts.
    """
    if sys.argv[1:2] == ["serve"] and HEAPS not in os.environ:
        os.environ[HEAPS] = "2"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command


if __name__ == "__main__":
    run()
