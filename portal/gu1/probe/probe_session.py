"""A few reads of gu1, at most `MOST_REQUESTS`, and what went wrong with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

from portal.domain.errors import Gu1Error, Malformed, Refused, Unavailable
from portal.gu1.response import Response
from portal.gu1.validation_reader import read_refusal

MOST_REQUESTS = 8

Params = Mapping[str, str | int]
Get = Callable[[str, Params], Awaitable[Response]]

_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY = 429


class ProbeSession:
    def __init__(self, get: Get) -> None:
        self._get = get
        self._requests = 0
        self.refusals: list[object] = []
        """Bodies of 4xx responses."""
        self.problems: list[str] = []
        self.limit: str | None = None
        self.is_accepted = False
        """Whether a response showed that gu1 accepts the key."""

    async def begin(self, path: str) -> None:
        """Raises `Gu1Error` unless gu1 responds with 2xx or 404."""
        answer = await self._counted(path, {})
        if not answer.is_success and answer.status != _NOT_FOUND:
            _give_up(answer)

    async def ask(self, name: str, path: str, params: Params | None = None) -> object:
        """The JSON of a 2xx, otherwise None."""
        return self.good(name, await self.answer(name, path, params))

    async def answer(self, name: str, path: str, params: Params | None = None) -> Response | None:
        """None without a response or without requests left. Raises `Refused` if gu1 does not know the key."""
        if self._requests >= MOST_REQUESTS or self.limit:
            return None
        try:
            answer = await self._counted(path, params or {})
        except Gu1Error as error:
            self.problems.append(f"{name} ({type(error).__name__})")
            return None
        if answer.status == _UNAUTHORIZED:
            _give_up(answer)
        if answer.status == _TOO_MANY:
            self.limit = f"HTTP 429, {_pause(answer)}"
            return None
        return answer

    def good(self, name: str, answer: Response | None) -> object:
        if answer is None:
            return None
        if not answer.is_success:
            self.problems.append(f"{name} (HTTP {answer.status} {code_of(answer) or 'without a code'})")
            return None
        if answer.body is None:
            self.problems.append(f"{name} (no JSON)")
        return answer.body

    async def _counted(self, path: str, params: Params) -> Response:
        self._requests += 1
        answer = await self._get(path, params)
        if answer.is_refusal:
            self.refusals.append(answer.body)
        # Any other 404 may come from a path that does not exist, before gu1 checked the key.
        self.is_accepted |= answer.is_success or code_of(answer) == "ENTITY_NOT_FOUND"
        return answer


def code_of(answer: Response) -> str | None:
    return read_refusal(answer.body)[0]


def _give_up(answer: Response) -> NoReturn:
    if answer.status == _TOO_MANY or answer.status >= 500:
        raise Unavailable(f"gu1 answers HTTP {answer.status}, {_pause(answer)}", retry_after=answer.retry_after)
    if answer.is_refusal:
        raise Refused(answer.status, code_of(answer))
    raise Malformed(f"gu1 answers HTTP {answer.status}")


def _pause(answer: Response) -> str:
    return "no Retry-After" if answer.retry_after is None else f"Retry-After {answer.retry_after:.0f} seconds"
