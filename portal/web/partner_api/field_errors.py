"""What is wrong with a field, in our own sentences: those of the library change with it, and speak of Python."""

from __future__ import annotations

from pydantic_core import ErrorDetails

OURS = "refused"
"""The type of an error whose text is a sentence already."""

_SENTENCES = {
    OURS: "{text}",
    "missing": "Is required",
    "extra_forbidden": "There is no such field",
    "string_type": "Must be a string",
    "string_too_short": "Must not be empty",
    "string_too_long": "Must have at most {max_length} characters",
    "string_pattern_mismatch": "Must match the pattern {pattern}",
    "literal_error": "Must be one of {expected}",
    "enum": "Must be one of {expected}",
    "int_type": "Must be a whole number",
    "int_from_float": "Must be a whole number",
    "greater_than_equal": "Must be at least {ge}",
    "less_than_equal": "Must be at most {le}",
    "bool_type": "Must be true or false",
    "too_long": "Must have at most {max_length} entries",
    "dict_type": "Must be an object",
    "datetime_parsing": "Must be a time with its zone, like 2026-03-02T12:00:00Z",
    "datetime_from_date_parsing": "Must be a time with its zone, like 2026-03-02T12:00:00Z",
    "timezone_aware": "Must be a time with its zone, like 2026-03-02T12:00:00Z",
    "int_parsing": "Must be a whole number",
    "model_type": "Must be an object",
    "model_attributes_type": "Must be an object",
}


def sentence(error: ErrorDetails) -> str:
    return _SENTENCES.get(error["type"], "Is not right").format_map(error.get("ctx", {}))
