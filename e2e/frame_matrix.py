"""What the embed script shows in each browser, however it is loaded and whatever the page's policies are, as a table.

    python -m e2e.frame_matrix

Runs `test_embed_policies.py`, all of it, and prints what its tests saw: the frame, or the code of the error with which
the link is shown instead. React's rows are in `make clients-check`.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict

import pytest

from e2e import test_embed_policies

_TEST = re.compile(r"\[(?P<engine>\w+)-.*?(?P<kind>\w+)\]$")


class Seen:
    """A plugin that keeps what the tests recorded."""

    def __init__(self) -> None:
        self.cells: defaultdict[str, dict[tuple[str, str], object]] = defaultdict(dict)
        """Policy → engine and kind of script → what was shown."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = _TEST.search(report.nodeid)
        if report.when == "call" and found:
            for policy, shown in report.user_properties:
                self.cells[policy][found["engine"], found["kind"]] = shown


def table(seen: Seen) -> str:
    columns = sorted({it for row in seen.cells.values() for it in row})
    lines = [["policy of the page", *(" ".join(it) for it in columns)], ["---"] * (len(columns) + 1)]
    lines += [[policy, *(str(row.get(it, "not run")) for it in columns)] for policy, row in seen.cells.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    seen = Seen()
    failed = pytest.main([test_embed_policies.__file__, "-q", "-m", "", "-p", "no:cacheprovider"], plugins=[seen])
    print(table(seen))
    sys.exit(failed)


if __name__ == "__main__":
    main()
