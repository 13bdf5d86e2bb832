"""What every command does with arguments that nobody means."""

import click
import pytest
from click.testing import CliRunner

from portal.cli import main


def commands(group=main, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def refused(*args):
    result = CliRunner().invoke(main, args)
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    return result.output


@pytest.mark.parametrize("path", [path for path, _command in commands()], ids=" ".join)
def test_bytes_that_are_no_text_are_refused_before_the_command_runs(path):
    for broken in ("\udc80", "a\udcffb", "--name=\ud800"):
        assert f"not text: {broken!a}" in refused(*path, broken)


RANGES = [
    (path, option.opts[-1], option.type)
    for path, command in commands()
    for option in command.params
    if isinstance(option.type, click.IntRange)
]


@pytest.mark.parametrize(("path", "option", "allowed"), RANGES, ids=lambda it: it if isinstance(it, str) else None)
def test_a_number_has_two_ends_so_that_none_is_too_large_for_the_database(path, option, allowed):
    for number in (allowed.min - 1, allowed.max + 1, 2**64):
        assert f"is not in the range {allowed.min}<=x<={allowed.max}" in refused(*path, option, str(number))
