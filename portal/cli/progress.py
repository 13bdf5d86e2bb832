"""What commands that take long say meanwhile, and how Ctrl-C ends a command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

BETWEEN_LINES = 5.0
"""Seconds between two lines where they stay: a log needs no line for each slice."""
INTERRUPTED = 130
"""The exit code that shells give to what Ctrl-C ended."""


class Interrupted(click.ClickException):
    exit_code = INTERRUPTED

    def show(self, file: Any = None) -> None:
        click.echo(f"Interrupted: {self.format_message()}", file=file, err=file is None)


class Commands(click.Group):
    """A group whose commands get text only, and end by Ctrl-C with one line, whatever they do."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        # Python gives bytes that are no text as lone surrogates, which neither a database nor a terminal takes.
        if broken := [arg for arg in args if any("\ud800" <= char <= "\udfff" for char in arg)]:
            raise click.UsageError(f"not text: {broken[0]!a}", context)
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise Interrupted("nothing is half done.") from None


@contextmanager
def progress(
    then: str = "Run it again to go on.", *, between_lines: float = BETWEEN_LINES
) -> Iterator[Callable[[str], None]]:
    """Gives what shows how far the command is. Ctrl-C ends it with the last of that, and with what to do `then`."""
    line = _Progress(between_lines)
    try:
        yield line.show
    except KeyboardInterrupt:
        raise Interrupted(f"{line.text or 'nothing was changed'}. {then}") from None
    finally:
        line.end()


class _Progress:
    """On standard error: one line that changes on a terminal; elsewhere the first, some between, and the last."""

    def __init__(self, between_lines: float) -> None:
        self._between_lines = between_lines
        self.text = ""
        self._written = ""
        self._is_terminal = sys.stderr.isatty()
        self._next_at = 0.0

    def show(self, text: str) -> None:
        self.text = text
        if self._is_terminal or time.monotonic() >= self._next_at:
            self._write()

    def end(self) -> None:
        if self.text != self._written:
            self._write()
        if self._is_terminal and self._written:
            click.echo(err=True)

    def _write(self) -> None:
        line = f"\r{self.text:<{len(self._written)}}" if self._is_terminal else self.text
        click.echo(line, nl=not self._is_terminal, err=True)
        self._written = self.text
        self._next_at = time.monotonic() + self._between_lines
