"""The `portal` command, also as `python -m portal`."""

from __future__ import annotations

import gc
from importlib import import_module


def run() -> None:
    gc.disable()  # Searching what is being imported would take a seventh of the start.
    command = import_module("portal.cli").main
    gc.freeze()
    gc.enable()
    command()


if __name__ == "__main__":
    run()
