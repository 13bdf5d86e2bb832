"""The `portal` command, also as `python -m portal`."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

MEMORY = {"MALLOC_ARENA_MAX": "2", "_RJEM_MALLOC_CONF": "dirty_decay_ms:100"}
"""Environment variables of glibc, and of jemalloc, from which the server takes its memory. Other systems ignore them.

glibc gives threads up to eight heaps for each core, and half of each is free after a while: with two, the workers have
a tenth less memory after ten minutes of load. jemalloc keeps pages for ten seconds and more after they became free, and
makes the buffers of new connections of them; most of a buffer is never written to, and of new pages would take no
memory. At 15,000 connections that was a quarter of all.
"""


def run() -> None:
    _save_memory()
    gc.disable()  # Searching what is being imported would take a seventh of the start.
    try:
        command = import_module("portal.cli").main
    except KeyboardInterrupt:
        print("Interrupted: nothing was changed.", file=sys.stderr)  # noqa: T201 - before there is a command
        sys.exit(130)
    gc.freeze()
    gc.enable()
    command()


def _save_memory() -> None:
    """Starts `portal serve` anew with `MEMORY`, but for what the operator chose: it is read when a process starts."""
    missing = {name: value for name, value in MEMORY.items() if name not in os.environ}
    if sys.argv[1:2] == ["serve"] and missing:
        os.environ.update(missing)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command


if __name__ == "__main__":
    run()
