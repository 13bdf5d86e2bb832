"""A TCP proxy that understands enough HTTP/1.1 to break one chosen exchange at a chosen point.

    with proxying(mock.url) as proxy:                      # use proxy.url instead of mock.url
        order = proxy.strike(toxics.reset(after=10), request=b"POST /api/kyc/validations ", nth=2)
        ...
        assert order.wait(5)                               # it struck; order.struck says how often
        order.lift()

        proxy.at(WirePoint.SENT, request=b"POST /api/kyc/validations ", do=lambda: os.kill(pid, SIGKILL), cut=True)

`request` is text in the head or body of the request (the trailing space above excludes `…/sync`), or a compiled
pattern; nth and times count matching requests from the order on. `do` runs on its own thread while the exchange
is paused at its point; with `cut` both connections are closed there and nothing more is forwarded, even if the
killed process had already sent it. For whole connections there are `proxy.refuse()`, `proxy.clog()` and
`proxy.hang_up()`, see `listening.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from e2e.bench.exchange import Exchange, Over, Wire, WirePoint, read_request
from e2e.bench.listening import Listener

Asked = bytes | re.Pattern[bytes]
Toxic = Callable[[Exchange], Awaitable[None]]
_PATIENCE = 10.0


@dataclass
class Order:
    """What happens to the nth matching request and to the following ones, `times` in all."""

    asked: Asked
    nth: int
    times: int
    seen: int = 0
    struck: int = 0
    _first: threading.Event = field(default_factory=threading.Event)

    def strikes(self, request: bytes) -> bool:
        found = self.asked in request if isinstance(self.asked, bytes) else self.asked.search(request)
        self.seen += bool(found)
        return bool(found) and self.nth <= self.seen < self.nth + self.times

    def has_struck(self) -> None:
        self.struck += 1
        self._first.set()

    def wait(self, seconds: float) -> bool:
        return self._first.wait(seconds)

    def lift(self) -> None:
        """Strikes nothing more; exchanges that already hang stay so."""
        self.times = 0


@dataclass
class _Poison(Order):
    toxic: Toxic | None = None


@dataclass
class _Stop(Order):
    point: WirePoint = WirePoint.SEEN
    do: Callable[[], object] = lambda: None
    cut: bool = False


async def pass_on(exchange: Exchange) -> None:
    await exchange.send(exchange.request)
    async for part in exchange.answer():
        await exchange.give(part)


class Proxy:
    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._loop = asyncio.new_event_loop()
        self._listener = Listener(self._serve)
        self._poisons: list[_Poison] = []
        self._stops: list[_Stop] = []
        self.port = self._listener.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def strike(self, toxic: Toxic, *, request: Asked = b"", nth: int = 1, times: int = 1) -> Order:
        """The first matching order gets the exchange."""
        poison = _Poison(request, nth, times, toxic=toxic)
        self._poisons.append(poison)
        return poison

    def at(
        self,
        point: WirePoint | str,
        *,
        request: Asked = b"",
        nth: int = 1,
        do: Callable[[], object] = lambda: None,
        cut: bool = False,
    ) -> Order:
        stop = _Stop(request, nth, 1, point=WirePoint(point), do=do, cut=cut)
        self._stops.append(stop)
        return stop

    def refuse(self) -> Callable[[], None]:
        """Closes the port and idle connections; call the result to reopen it."""
        self._told(self._listener.close())
        return lambda: self._told(self._listener.open())

    def clog(self) -> Callable[[], None]:
        """Nobody can connect any more, as with a full backlog or a firewall that drops packets."""
        self._told(self._listener.clog())
        return lambda: self._told(self._listener.unclog())

    def hang_up(self, *, with_reset: bool = False) -> Callable[[], None]:
        """Accepts and closes connections at once; closes idle ones."""
        self._told(self._listener.hang_up("reset" if with_reset else "close"))
        return lambda: self._told(self._listener.pick_up())

    def run(self) -> None:
        """Runs on its own thread until stopped."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listener.open())
        self._loop.run_forever()
        self._loop.run_until_complete(self._listener.end())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _told(self, wish: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(wish, self._loop).result(_PATIENCE)

    async def _serve(self, client: Wire) -> None:
        early, server = b"", None
        try:
            while True:
                client.is_idle = True
                request = await read_request(client, early)
                client.is_idle = False
                server = server or Wire(*await asyncio.open_connection(*self._server))
                early = await self._exchange(Exchange(request, client, server))
        except (Over, OSError, EOFError):
            pass
        finally:
            for wire in (client, server):
                if wire:
                    wire.close()

    async def _exchange(self, exchange: Exchange) -> bytes:
        """Returns bytes of the client's next request. Raises `Over` if the connections end."""
        stops = [stop for stop in self._stops if stop.strikes(exchange.request)]
        poisons = [poison for poison in self._poisons if poison.strikes(exchange.request)]
        exchange.reached = lambda point: self._reached(stops, point)
        work = asyncio.ensure_future(self._carried_out(exchange, poisons))
        # Clients here do not pipeline: what they send meanwhile is a close or an early next request.
        heard = asyncio.ensure_future(exchange.client.reader.read(1))
        try:
            await asyncio.wait({work, heard}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and (heard.exception() or not heard.result()):
                raise Over
            await work
            return heard.result() if heard.done() else b""
        finally:
            for task in (work, heard):
                task.cancel()
            await asyncio.gather(work, heard, return_exceptions=True)

    async def _carried_out(self, exchange: Exchange, poisons: list[_Poison]) -> None:
        await exchange.reached(WirePoint.SEEN)
        toxic = poisons[0].toxic if poisons else None
        if poisons:
            poisons[0].has_struck()
        await (toxic or pass_on)(exchange)
        if exchange.was_given_whole:
            await exchange.reached(WirePoint.ANSWERED)
        exchange.end_where_the_server_did()

    async def _reached(self, stops: list[_Stop], point: WirePoint) -> None:
        for stop in stops:
            if stop.point is point:
                await self._loop.run_in_executor(None, stop.do)
                stop.has_struck()
                if stop.cut:
                    raise Over


@contextmanager
def proxying(server_url: str) -> Iterator[Proxy]:
    proxy = Proxy(server_url)
    thread = threading.Thread(target=proxy.run, name="fault-proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        with contextlib.suppress(RuntimeError):
            proxy.stop()
        thread.join(_PATIENCE)
