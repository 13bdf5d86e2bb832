"""Network faults between portal and gu1, by the fault proxy."""

from __future__ import annotations

import time
from collections.abc import Callable

from e2e.bench import toxics
from e2e.bench.matrix.faults import Begin, Fault, Strike, after
from e2e.bench.matrix.points import ALL_CALLS, CREATES, WRITES, Point
from e2e.bench.proxy import Proxy, Toxic, WirePoint
from e2e.bench.toxics import ANSWER, CLIENT, REQUEST, SERVER
from e2e.in_process_rig import DEADLINE, Rig

_SHUT_FOR = 0.8


def struck(toxic: Toxic, *, times: int = 1) -> Begin:
    def begin(it: Rig, point: Point) -> Strike:
        order = it.proxy.strike(toxic, request=point.request, times=times)
        return Strike(has_struck=lambda: order.struck > 0, is_over=lambda: order.struck >= times)

    return begin


def cut_at(point_on_wire: WirePoint) -> Begin:
    def begin(it: Rig, point: Point) -> Strike:
        order = it.proxy.at(point_on_wire, request=point.request, cut=True)
        return Strike(has_struck=lambda: order.struck > 0)

    return begin


class _Shut:
    def __init__(self, proxy: Proxy, how: Callable[[Proxy], Callable[[], None]]) -> None:
        self._proxy = proxy
        self._how = how
        self._reopen: Callable[[], None] = lambda: None
        self.since: float | None = None

    def shut(self) -> None:
        self._reopen = self._how(self._proxy)
        self.since = time.monotonic()

    def open(self) -> None:
        self._reopen()


def shut(how: Callable[[Proxy], Callable[[], None]]) -> Begin:
    """Breaks the port after the previous call's answer, or at once if that call is unknown."""

    def begin(it: Rig, point: Point) -> Strike:
        port = _Shut(it.proxy, how)
        if point.before:
            it.proxy.at(WirePoint.ANSWERING, request=point.before, do=port.shut)
        else:
            port.shut()
        return Strike(
            has_struck=lambda: port.since is not None, is_over=after(_SHUT_FOR, lambda: port.since), lift=port.open
        )

    return begin


def _fault(name: str, begin: Begin, points: tuple[str, ...] = ALL_CALLS) -> Fault:
    return Fault(name=name, points=points, begin=begin, is_proxied=True)


EXCHANGES = [
    _fault("wire: slow there", struck(toxics.latency(request=0.4))),
    _fault("wire: slow back", struck(toxics.latency(answer=0.4))),
    _fault("wire: too slow there", struck(toxics.latency(request=DEADLINE + 0.4)), WRITES),
    _fault("wire: request drips", struck(toxics.drip(REQUEST, size=20, interval=0.02))),
    _fault("wire: answer drips too long", struck(toxics.drip(ANSWER, size=1, interval=0.05))),
    _fault("wire: reset before the request", struck(toxics.reset(REQUEST, after=0))),
    _fault("wire: reset within the request", struck(toxics.reset(REQUEST, after=60))),
    _fault("wire: reset before the answer", struck(toxics.reset(ANSWER, after=0))),
    _fault("wire: reset within the head", struck(toxics.reset(ANSWER, after=25))),
    _fault("wire: reset within the body", struck(toxics.reset(ANSWER, after=300))),
    _fault("wire: black hole for the request", struck(toxics.black_hole())),
    _fault("wire: black hole for the answer", struck(toxics.black_hole(ANSWER))),
    _fault("wire: black hole for the answer, twice", struck(toxics.black_hole(ANSWER), times=2), CREATES),
    _fault("wire: request truncated", struck(toxics.truncate(REQUEST, after=40))),
    _fault("wire: answer truncated", struck(toxics.truncate(ANSWER, after=300))),
    _fault("wire: request corrupted in its first byte", struck(toxics.corrupt(REQUEST, at=0))),
    _fault("wire: answer corrupted in its status", struck(toxics.corrupt(ANSWER, at=9))),
    _fault("wire: answer corrupted in its last byte", struck(toxics.corrupt(ANSWER, at=-1))),
    _fault("wire: half closed towards us", struck(toxics.half_close(CLIENT))),
    _fault("wire: half closed towards gu1", struck(toxics.half_close(SERVER))),
    _fault("wire: cut when the request was sent", cut_at(WirePoint.SENT)),
    _fault("wire: cut when the answer began", cut_at(WirePoint.ANSWERING)),
]

_REACHABLE = tuple(name for name in ALL_CALLS if name != "sync_validation")
PORTS = [
    _fault("port: closed", shut(Proxy.refuse), _REACHABLE),
    _fault("port: clogged", shut(Proxy.clog), _REACHABLE),
    _fault("port: hangs up", shut(Proxy.hang_up), _REACHABLE),
    _fault("port: resets", shut(lambda proxy: proxy.hang_up(with_reset=True)), _REACHABLE),
]

NETWORK_FAULTS = [*EXCHANGES, *PORTS]
