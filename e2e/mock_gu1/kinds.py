"""Every kind of fault, with its parameters and their defaults.

`when` is `before` or `after` the call has taken effect at gu1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from e2e.mock_gu1 import effects
from e2e.mock_gu1.effects import BODIES, Context, Parameters
from e2e.mock_gu1.exchange import Answer, Call, Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    what: str
    parameters: Parameters = field(default_factory=dict)
    is_raw: bool = False
    """Needs the mock's own server; in-process it answers 501 and commits nothing."""
    run: Callable[[Call, Parameters, Context], Answer | Script]


_BEFORE: Parameters = {"when": "before"}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="latency",
            what="takes its time",
            parameters={"seconds": 1.0, "jitter": 0.0, **_BEFORE},
            run=effects.latency,
        ),
        Kind(
            name="status",
            what=f"answers with this HTTP status; body is one of {', '.join(BODIES)}",
            parameters={"status": 503, "body": "json", "retry_after": "", **_BEFORE},
            run=effects.status,
        ),
        Kind(name="reset", what="TCP reset instead of an answer", parameters=_BEFORE, is_raw=True, run=effects.reset),
        Kind(name="close", what="closes without an answer", parameters=_BEFORE, is_raw=True, run=effects.close),
        Kind(
            name="hang",
            what="says nothing for so long, then closes",
            parameters={"seconds": 60.0, **_BEFORE},
            is_raw=True,
            run=effects.hang,
        ),
        Kind(
            name="drip",
            what="sends headers or body a few bytes at a time",
            parameters={"part": "body", "bytes": 1, "interval": 0.2},
            is_raw=True,
            run=effects.drip,
        ),
        Kind(
            name="truncate",
            what="declares that many bytes more than it sends",
            parameters={"missing": 10},
            is_raw=True,
            run=effects.truncate,
        ),
        Kind(name="bad_chunk", what="a chunk with a size that is none", is_raw=True, run=effects.bad_chunk),
        Kind(
            name="garbage_status",
            what="random bytes before the status line",
            parameters={"bytes": 40},
            is_raw=True,
            run=effects.garbage_status,
        ),
        Kind(name="garbage_body", what="random bytes for JSON", parameters={"bytes": 200}, run=effects.garbage_body),
        Kind(
            name="wrong_shape",
            what="JSON, or nearly, of a wrong shape: the number picks one of GET /_mock/shapes",
            parameters={"number": 0},
            run=effects.wrong,
        ),
        Kind(name="huge", what="a JSON body of that many MiB", parameters={"mib": 8}, run=effects.huge),
        Kind(
            name="gzip_bomb",
            what="gzip that nobody asked for and that grows to that many MiB",
            parameters={"mib": 64},
            run=effects.gzip_bomb,
        ),
        Kind(
            name="redirect",
            what="sends the caller somewhere else",
            parameters={"status": 307, "location": "http://127.0.0.1:9/elsewhere", **_BEFORE},
            run=effects.redirect,
        ),
        Kind(name="duplicate", what="sends the answer twice", is_raw=True, run=effects.duplicate),
        Kind(
            name="interim",
            what="that many 1xx answers before the real one",
            parameters={"count": 1000},
            is_raw=True,
            run=effects.interim,
        ),
        Kind(
            name="late",
            what="takes effect so much later; answer is none (closed, or 504 in-process) or 504",
            parameters={"seconds": 5.0, "answer": "none"},
            run=effects.late,
        ),
        Kind(
            name="stale",
            what="reads show what was so many seconds ago",
            parameters={"seconds": 60.0},
            run=effects.stale,
        ),
    )
}
