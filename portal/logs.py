"""JSON log lines on standard error, without tokens, names or document numbers."""

from __future__ import annotations

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any

from portal.services.request_ids import current_request_id

_KEY_IN_PATH = re.compile(r"/(o|Q|mails)/[^\s/?#\"']+")
"""What opens a page, a second device's page, or ends mails."""


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_tokens(_message(record)),
        }
        if request_id := current_request_id():
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            # Only type and place: messages of exceptions can quote personal data.
            line["exception"] = f"{record.exc_info[0].__module__}.{record.exc_info[0].__qualname__}"
            line["at"] = _trace_lines(record)
        return json.dumps(line, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    """Of others only the first line: what follows is a trace, with the texts of errors in it."""
    message = record.getMessage()
    return message if record.name.partition(".")[0] == "portal" else message.partition("\n")[0]


def without_tokens(text: str) -> str:
    return _KEY_IN_PATH.sub(r"/\1/…", text)


def set_up_logging(level: str) -> None:
    logging.config.dictConfig(logging_config(level))


def keep_quiet(*loggers: str) -> None:
    """Limits these loggers to warnings at any level: they log URLs with their queries, and bodies."""
    for name in loggers:
        logging.getLogger(name).addFilter(_is_a_warning)


def logging_config(level: str) -> dict[str, Any]:
    """For logging.config.dictConfig; the server logs in the same format."""
    # httpx and alembic log every URL and statement.
    quiet = {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "alembic")}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {**quiet, "_granian": {"level": level}},
    }


def _is_a_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _trace_lines(record: logging.LogRecord) -> list[str]:
    trace = record.exc_info[2] if record.exc_info else None
    places = []
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-8:]
