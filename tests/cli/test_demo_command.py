"""`portal demo` where there is no mock."""

import sys

from click.testing import CliRunner

from portal.cli import main
from portal.cli.demo import demo


def test_installation_without_the_mock_says_where_there_is_one(monkeypatch):
    monkeypatch.setattr(sys.modules[demo.callback.__module__], "DEMO", "no_such_package.demo")
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1 and "docker build --target demo" in result.output
