"""The ordered faults, and the WSGI layer that carries them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from e2e.mock_gu1.effects import BODIES, Context, Parameters
from e2e.mock_gu1.exchange import WIRE, Answer, Call, sent
from e2e.mock_gu1.forms import as_number
from e2e.mock_gu1.kinds import KINDS, Kind
from e2e.mock_gu1.operations import ANY, OPERATIONS, operation_of

WORDS = {"when": ("before", "after"), "part": ("headers", "body"), "answer": ("none", "504"), "body": tuple(BODIES)}
"""Parameters with a list of allowed words."""
LEAST = {"bytes": 1, "mib": 1, "status": 100}
MOST = {"status": 999, "mib": 1024, "count": 1_000_000, "missing": 1_000_000, "bytes": 1_000_000}


class WrongFault(ValueError):
    pass


@dataclass(slots=True)
class Fault:
    id: int
    kind: Kind
    parameters: Parameters
    operation: str
    containing: str
    """Only calls with this text in path, query or body."""
    nth: int
    times: int
    seen: int = 0
    fired: int = 0

    def strikes(self, operation: str, text: Callable[[], str]) -> bool:
        """Counts the call if it matches."""
        if self.operation not in {ANY, operation} or (self.containing and self.containing not in text()):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    def described(self) -> dict[str, Any]:
        more = {"containing": self.containing} if self.containing else {}
        counts = {"nth": self.nth, "times": self.times, "seen": self.seen, "fired": self.fired}
        return {"id": self.id, "operation": self.operation, "kind": self.kind.name, **more, **counts, **self.parameters}


class Faults:
    def __init__(self, seed: int, later: Callable[[float, Callable[[], object]], None]) -> None:
        self._seed = seed
        self._later = later
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._ordered: list[Fault] = []
            self._last_id = 0
            self._context = Context(Random(self._seed), self._later)

    def order(self, told: dict[str, Any]) -> dict[str, Any]:
        """Raises `WrongFault` if the order is invalid."""
        told = dict(told)
        kind = KINDS.get(str(told.pop("kind", "")))
        if kind is None:
            raise WrongFault(f"kind is one of {', '.join(KINDS)}")
        operation = told.pop("operation", ANY)
        if operation not in (ANY, *OPERATIONS):
            raise WrongFault(f"operation is {ANY} or one of {', '.join(OPERATIONS)}")
        containing = str(told.pop("containing", ""))
        nth, times = (_checked(name, told.pop(name, 1), 1, least=1) for name in ("nth", "times"))
        parameters = _parameters(kind, told)
        with self._lock:
            self._last_id += 1
            fault = Fault(self._last_id, kind, parameters, operation, containing, nth, times)
            self._ordered.append(fault)
            return fault.described()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.described() for fault in self._ordered]

    def around(self, app: WSGIApplication) -> WSGIApplication:
        def faulty(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            operation = operation_of(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
            if operation is None or not self._ordered:
                return app(environ, start_response)
            call = Call(app, environ)
            fault = self._striking(operation, call)
            return sent(call.commit() if fault is None else self._carried_out(fault, call), start_response)

        return faulty

    def _striking(self, operation: str, call: Call) -> Fault | None:
        """Every fault counts the call; the first that matches strikes."""
        with self._lock:
            striking = [fault for fault in self._ordered if fault.strikes(operation, call.text)]
            if not striking:
                return None
            striking[0].fired += 1
            return striking[0]

    def _carried_out(self, fault: Fault, call: Call) -> Answer:
        if fault.kind.is_raw and not call.can_go_raw:
            return _impossible(fault.kind.name)
        result = fault.kind.run(call, fault.parameters, self._context)
        if isinstance(result, Answer):
            return result
        call.environ[WIRE](result)
        return Answer("500 Taken By Wire", [("Content-Length", "0")], [b""])


def _parameters(kind: Kind, told: dict[str, Any]) -> Parameters:
    unknown = set(told) - set(kind.parameters)
    if unknown:
        takes = ", ".join(kind.parameters) or "nothing"
        raise WrongFault(f"{kind.name} takes {takes}; not {', '.join(sorted(unknown))}")
    return {name: _checked(name, told.get(name, default), default) for name, default in kind.parameters.items()}


def _checked(name: str, value: Any, default: Any, *, least: float = 0) -> Any:
    if isinstance(default, str):
        words = WORDS.get(name)
        if words and str(value) not in words:
            raise WrongFault(f"{name} is one of {', '.join(words)}")
        if any(letter in str(value) for letter in "\r\n"):
            raise WrongFault(f"{name} is one line")
        return str(value)
    number = as_number(value)
    least, most = LEAST.get(name, least), MOST.get(name, 1e9)
    if number is None or not least <= number <= most or (isinstance(default, int) and number != int(number)):
        raise WrongFault(f"{name} is a number from {least:g} to {most:g}")
    return int(number) if isinstance(default, int) else number


def _impossible(kind: str) -> Answer:
    body = f'{{"error": "NEEDS_A_SOCKET", "message": "{kind} works only through the mock\'s own server"}}'.encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Answer("501 Not Implemented", headers, [body])
