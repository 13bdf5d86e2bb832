"""What people do: press the same button twice, or from eight devices at once."""

from __future__ import annotations

from e2e.bench.matrix.faults import Fault, Strike
from e2e.bench.matrix.points import Point
from e2e.in_process_rig import Rig

_PRESSES = ("form", "continue", "retry", "stop")


def _begin(_: Rig, __: Point) -> Strike:
    return Strike(has_struck=lambda: True)


USER_FAULTS = [
    Fault(
        name=f"pressed {words}",
        points=_PRESSES,
        begin=_begin,
        presses=dict.fromkeys(_PRESSES, (times, at_once)),
    )
    for words, times, at_once in (("twice", 2, False), ("by eight at once", 8, True))
]
