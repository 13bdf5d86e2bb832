import json
import logging
import sys

import pytest

from portal.logs import JsonLines, set_up_logging, without_tokens
from tests.factories import some_details


def a_record(message, *arguments, error=None):
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("portal.services.steps", logging.WARNING, "steps.py", 1, message, arguments, exc_info)


def line(*arguments, **options):
    return JsonLines().format(a_record(*arguments, **options))


def raised(error):
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.fixture
def usual_logging():
    """Puts back what `set_up_logging` replaces."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.asvs("16.2.1", "16.2.2", "16.2.4", "16.4.1")
def test_each_record_is_one_line_of_json():
    written = line("onboarding %s:\nput off", "a1")
    assert "\n" not in written
    parsed = json.loads(written)
    assert parsed.pop("time").endswith("+00:00")
    assert parsed == {"level": "warning", "logger": "portal.services.steps", "message": "onboarding a1:\nput off"}


@pytest.mark.asvs("14.2.1", "16.2.5")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /o/eyJhbGci.x-Y_z.s1g 200", "GET /o/… 200"),
        ("https://kyc.example/o/abc/status?lang=es", "https://kyc.example/o/…/status?lang=es"),
        ("/o/abc to /o/def", "/o/… to /o/…"),
        ("GET /o/%65yJhbGci.x%2dY 200", "GET /o/… 200"),
        ("GET /Q/Ab-9_xYz0123 303", "GET /Q/… 303"),
        ("POST /mails/WyJ6.s1g~/stop 200", "POST /mails/…/stop 200"),
        ("/healthz and /or/else", "/healthz and /or/else"),
    ],
)
def test_keys_in_addresses_are_masked(text, expected):
    assert without_tokens(text) == expected
    assert json.loads(line("%s", text))["message"] == expected


def test_an_exception_says_where_and_what_kind_but_not_its_text():
    error = raised(ValueError(f"cannot read {some_details().document_number} of Ana"))
    written = line("it failed", error=error)
    assert json.loads(written)["exception"] == "builtins.ValueError"
    assert json.loads(written)["at"][-1].startswith("raised:")
    assert "30111222" not in written and "Ana" not in written


def test_a_chain_of_exceptions_is_not_printed_either():
    try:
        try:
            raise KeyError("30111222")
        except KeyError as cause:
            raise RuntimeError("30111222 again") from cause
    except RuntimeError as error:
        assert "30111222" not in line("it failed", error=error)


def test_a_record_of_no_exception_has_no_place_for_one():
    record = a_record("fine")
    record.exc_info = (None, None, None)
    assert "exception" not in json.loads(JsonLines().format(record))


@pytest.mark.asvs("16.2.3", "16.4.3")
def test_logging_goes_to_standard_error_from_the_level_on(usual_logging, capsys):
    set_up_logging("WARNING")
    logging.getLogger("portal.somewhere").info("not this")
    logging.getLogger("portal.somewhere").warning("but %s", "this")
    out, err = capsys.readouterr()
    assert (out, json.loads(err)["message"]) == ("", "but this")
    assert logging.getLogger().handlers[0].stream is sys.stderr


def test_chatty_libraries_keep_addresses_to_themselves(usual_logging, capsys):
    set_up_logging("DEBUG")
    for name in ("httpx", "httpcore.http11", "alembic.runtime"):
        logging.getLogger(name).info("GET https://api.gu1.ai/api/entities/by-external-id/a1")
    assert capsys.readouterr().err == ""
