"""`python -m tests.model`: what each design is worth, and with `-v` how the broken ones break.

Fails if a design that should hold breaks a law, or a broken one is not caught.
"""

from __future__ import annotations

import sys
import time

from tests.model import laws
from tests.model.catalogue import BROKEN, HARMLESS, HOLD, Case
from tests.model.designs import World
from tests.model.narration import narrate
from tests.model.search import STUCK

LARGER = [
    Case("full design, unreduced", HOLD[0].design, World(sends=3, stops=True, is_reduced=False)),
    Case("… and a retry", HOLD[0].design, World(numbers=2)),
    Case("… three workers and a retry", HOLD[0].design, World(numbers=2, workers=3)),
    Case("… a retry and stops", HOLD[0].design, World(numbers=2, stops=True, stale_lists=True)),
]
"""Too many states for every run of the tests."""

_LINE = "{:<48} {:>8} {:>5} {:>5} {:>6} {:>6}  {}\n"


def _show(case: Case) -> bool:
    """Whether the design is worth what the catalogue says."""
    before = time.process_time()
    found = case.search()
    took = time.process_time() - before
    paid = "YES" if laws.at_most_one_is_paid.__name__ in found.broken else "no"
    stuck = found.stuck if case.law in {None, STUCK} else "-"
    words = [f"{law} ({len(way)} steps)" for law, way in found.broken.items()]
    sys.stdout.write(
        _LINE.format(
            *(case.name, len(found.states), "yes" if found.has_twins else "no", paid, stuck, f"{took:.1f}s"),
            "; ".join(words) or "every law holds",
        )
    )
    if case.law and "-v" in sys.argv:
        sys.stdout.write("\n".join(narrate(found.broken.get(case.law, []))) + "\n")
    return case.law in found.broken if case.law else not found.broken and not found.stuck


def main() -> int:
    """The exit code."""
    wrong = []
    sys.stdout.write(_LINE.format("design", "states", "twins", "paid2", "stuck", "took", "broken"))
    for title, cases in [("", [*HOLD, *LARGER]), ("weaker, yet harmless", HARMLESS), ("broken (until caught)", BROKEN)]:
        sys.stdout.write(f"{title}\n")
        for case in cases:
            if not _show(case):
                wrong.append(case.name)
    worlds, caught = len(HOLD) + len(LARGER), len(BROKEN)
    sys.stdout.write(
        f"{worlds} worlds and {caught} broken designs; not as they should be: {', '.join(wrong) or 'none'}\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
