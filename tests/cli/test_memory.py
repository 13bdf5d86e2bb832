"""`portal serve` starts anew with settings of memory, because allocators read them only when a process starts."""

import os
import sys

import pytest

from portal import __main__ as command
from portal.__main__ import MEMORY


@pytest.fixture
def started(monkeypatch):
    """The commands that the process was replaced with, each with its settings of memory."""
    seen = []
    for name in MEMORY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        os, "execv", lambda program, words: seen.append((program, words, {it: os.environ.get(it) for it in MEMORY}))
    )
    monkeypatch.setattr(command, "import_module", lambda _name: type("Cli", (), {"main": lambda: None}))
    return seen


@pytest.mark.parametrize("words", [["/venv/bin/portal"], ["-m", "portal"], ["-X", "dev", "-m", "portal"]])
def test_serve_starts_anew(monkeypatch, started, words):
    monkeypatch.setattr(sys, "argv", ["portal", "serve", "--port", "80"])
    monkeypatch.setattr(sys, "orig_argv", ["python3", *words, "serve", "--port", "80"])
    command.run()
    assert started == [(sys.executable, [sys.executable, *words, "serve", "--port", "80"], MEMORY)]


@pytest.mark.parametrize("chosen", ["7", ""])
@pytest.mark.parametrize("name", MEMORY)
def test_what_the_operator_chose_stays(monkeypatch, started, name, chosen):
    monkeypatch.setattr(sys, "argv", ["portal", "serve"])
    monkeypatch.setenv(name, chosen)
    command.run()
    assert [it[2] for it in started] == [{**MEMORY, name: chosen}]


@pytest.mark.parametrize(("words", "chosen"), [(["serve"], MEMORY), (["check"], {}), ([], {})])
def test_nothing_else_does(monkeypatch, started, words, chosen):
    """Neither another command, nor `serve` once everything is chosen: it would start anew for ever."""
    monkeypatch.setattr(sys, "argv", ["portal", *words])
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    command.run()
    assert started == []
