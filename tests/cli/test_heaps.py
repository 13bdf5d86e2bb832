"""`portal serve` starts anew with few heaps, because glibc reads their number only when a process starts."""

import os
import sys

import pytest

from portal import __main__ as command
from portal.__main__ import HEAPS


@pytest.fixture
def started(monkeypatch):
    """The commands that the process was replaced with, each with its number of heaps."""
    seen = []
    monkeypatch.delenv(HEAPS, raising=False)
    monkeypatch.setattr(os, "execv", lambda program, words: seen.append((program, words, os.environ.get(HEAPS))))
    monkeypatch.setattr(command, "import_module", lambda _name: type("Cli", (), {"main": lambda: None}))
    return seen


@pytest.mark.parametrize("words", [["/venv/bin/portal"], ["-m", "portal"], ["-X", "dev", "-m", "portal"]])
def test_serve_starts_anew_with_two_heaps(monkeypatch, started, words):
    monkeypatch.setattr(sys, "argv", ["portal", "serve", "--port", "80"])
    monkeypatch.setattr(sys, "orig_argv", ["python3", *words, "serve", "--port", "80"])
    command.run()
    assert started == [(sys.executable, [sys.executable, *words, "serve", "--port", "80"], "2")]


@pytest.mark.parametrize(("words", "chosen"), [(["serve"], "7"), (["serve"], ""), (["check"], None), ([], None)])
def test_nothing_else_does(monkeypatch, started, words, chosen):
    monkeypatch.setattr(sys, "argv", ["portal", *words])
    if chosen is not None:
        monkeypatch.setenv(HEAPS, chosen)
    command.run()
    assert started == []
