"""Every reachable state, breadth first, so that the first way to a broken law is a shortest one."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import laws
from tests.model.designs import Design, World
from tests.model.environment_moves import EnvironmentMoves
from tests.model.rules import told
from tests.model.state import Move, Row, State, Worker
from tests.model.worker_moves import WorkerMoves

STUCK = laws.nobody_is_stuck.__name__


class Protocol:
    """A design in a world."""

    def __init__(self, design: Design, world: World) -> None:
        self.world = world
        self._design = design
        self._sources = (WorkerMoves(design, world), EnvironmentMoves(design, world))

    def start(self) -> State:
        rows = () if self.world.submits else (Row(),) * self.world.onboardings
        return State(rows, (), (Worker(),) * self.world.workers)

    def moves(self, state: State) -> Iterator[Move]:
        for source in self._sources:
            if self.world.tells:
                yield from (move._replace(after=told(move.after, self._design)) for move in source.moves(state))
            else:
                yield from source.moves(state)


class Search:
    """Reading it makes sense after `run`."""

    def __init__(self, protocol: Protocol, *, until: str | None = None, also: tuple[laws.StateLaw, ...] = ()) -> None:
        """`until`: the name of the law whose breaking ends the search. `also`: laws of this world only."""
        self.states: list[State] = []
        self.broken: dict[str, list[Move]] = {}
        """Law → a shortest way to break it."""
        self.has_twins = False
        """Whether two validations of one nonce can be alive at once."""
        self.stuck = 0
        self.names: set[str] = set()
        """Of all moves that were made."""
        self._protocol = protocol
        self._until = until
        self._state_laws = (*laws.STATE_LAWS, *also)
        self._numbers: dict[State, int] = {}
        self._parents: list[int] = []
        self._helped_from: list[list[int]] = []

    def run(self) -> Search:
        self._add(self._protocol.start(), -1)
        moves, numbers = self._protocol.moves, self._numbers
        overturns = self._protocol.world.overturns
        for number, state in enumerate(self.states):
            for name, _, what, raw in moves(state):
                after = raw if raw.workers is state.workers else raw.canonical()
                self.names.add(name)
                known = numbers.get(after)
                if known is None:
                    known = self._add(after, number)
                if name in laws.HELPS:
                    self._helped_from[known].append(number)
                is_changed = raw.rows is not state.rows or raw.sessions is not state.sessions
                if is_changed or (overturns and name == laws.HEARD):
                    self._judge_step(number, name, what, after)
            if self._until in self.broken:
                return self
        self._look_for_stuck()
        return self

    def way_to(self, number: int, then: State | None = None) -> list[Move]:
        """The moves that lead there, with workers that keep their names all along."""
        path = [then] if then else []
        while number > 0:
            path.append(self.states[number])
            number = self._parents[number]
        state, way = self._protocol.start(), []
        for target in reversed(path):
            move = next(it for it in self._protocol.moves(state) if it.after.canonical() == target)
            way.append(move)
            state = move.after
        return way

    def _add(self, state: State, parent: int) -> int:
        number = len(self.states)
        self._numbers[state] = number
        self.states.append(state)
        self._parents.append(parent)
        self._helped_from.append([])
        for law in self._state_laws:
            if not law(state, self._protocol.world):
                self._broke(law.__name__, number)
        self.has_twins = self.has_twins or not laws.one_is_alive_per_nonce(state, self._protocol.world)
        return number

    def _judge_step(self, number: int, name: str, what: int, after: State) -> None:
        for law in laws.STEP_LAWS:
            if not law(self.states[number], name, what, after):
                self._broke(law.__name__, number, after)

    def _broke(self, law: str, number: int, then: State | None = None) -> None:
        if law not in self.broken:
            self.broken[law] = self.way_to(number, then)

    def _look_for_stuck(self) -> None:
        """Backwards from where everybody can go on."""
        hopeful = {number for number, state in enumerate(self.states) if laws.can_go_on(state)}
        waiting = list(hopeful)
        while waiting:
            for before in self._helped_from[waiting.pop()]:
                if before not in hopeful:
                    hopeful.add(before)
                    waiting.append(before)
        for number, state in enumerate(self.states):
            if number not in hopeful and not laws.nobody_is_stuck(state, self._protocol.world):
                self.stuck += 1
                self._broke(STUCK, number)
