"""How long the slowest inputs of the form's fields take: python -m e2e.bench.validators. Fails above a millisecond.

In processor time, the least of many tries, because others use the machine too.
"""

from __future__ import annotations

import time
import timeit
from contextlib import suppress
from functools import partial

from flask import Flask
from flask_babel import Babel

from e2e.bench.command import run_command
from portal.web.document_numbers import COUNTRIES, normalise
from portal.web.name_and_email import plain_email, plain_name
from portal.web.typed_text import LONGEST_PLAIN, LONGEST_TYPED

MOST = 0.001
_PIECES = ["1", " ", "—", "\u200b", "a\u0301\u0323", "\u0f71\u0f72", "\u1100\u1161", "a\u200d", "😀", "ﷺ", "b.", "é"]
INPUTS = [(piece * LONGEST_TYPED)[:longest] for piece in _PIECES for longest in (LONGEST_PLAIN, LONGEST_TYPED)]
INPUTS += [f"{'é' * 64}@{'é' * 50}.com", f"a@{'b.' * 120}com", f"{' ' * 900}12345678"]


def main() -> int:
    fields = {f"number, {it}": partial(normalise, it) for it in (*COUNTRIES, "other")}
    fields |= {"name": plain_name, "e-mail": plain_email}
    app = Flask("validators")
    Babel(app)
    with app.app_context():
        slowest = {name: max(map(partial(_seconds, judge), INPUTS)) for name, judge in fields.items()}
    for name, seconds in slowest.items():
        print(f"{name:<14}{seconds * 1000:>8.3f} ms{'   TOO SLOW' if seconds > MOST else ''}")
    return int(max(slowest.values()) > MOST)


def _seconds(judge: object, typed: str) -> float:
    def once() -> None:
        with suppress(ValueError):
            judge(typed)  # type: ignore[operator]

    return min(timeit.repeat(once, timer=time.process_time, number=10, repeat=5)) / 10


if __name__ == "__main__":
    run_command(main)
