"""The `portal` command, also as `python -m portal`."""

from __future__ import annotations

import gc
import sys
from importlib import import_module


def run() -> None:
    gc.disable()  # Searching what is being imported would take a seventh of the start.
    try:
        command = import_module("portal.cli").main
    except KeyboardInterrupt:
        print("Interrupted: nothing was changed.", file=sys.stderr)  # noqa: T201 - before there is a command
        sys.exit(130)
    gc.freeze()
    gc.enable()
    command()


if __name__ == "__main__":
    run()
