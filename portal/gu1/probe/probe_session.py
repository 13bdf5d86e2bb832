"""Asks gu1 what changes nothing, a few times at most, and keeps what stood in the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

from portal.domain.errors import Gu1Error, Malformed, Refused, Unavailable
from portal.gu1.response import Response
from portal.gu1.validation_reader import read_refusal

MOST_REQUESTS = 8

Params = Mapping[str, str | int]
Read = Callable[[str, Params], Awaitable[Response]]

_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY = 429


class ProbeSession:
    def __init__(self, look: Read) -> None:
        self._look = look
        self._asked = 0
        self.refusals: list[object] = []
        """Bodies of 4xx."""
        self.troubles: list[str] = []
        self.limit: str | None = None
        self.is_accepted = False
        """Whether some answer shows that the key opens the door."""

    async def begin(self, path: str) -> None:
        """Raises `Gu1Error` where neither a good answer nor a 404 comes back."""
        answer = await self._counted(path, {})
        if not answer.is_success and answer.status != _NOT_FOUND:
            _give_up(answer)

    async def ask(self, name: str, path: str, params: Params | None = None) -> object:
        """The JSON of a good answer, else None."""
        return self.good(name, await self.answer(name, path, params))

    async def answer(self, name: str, path: str, params: Params | None = None) -> Response | None:
        """None where none came or no more may be asked for. Raises `Refused` for a key that gu1 does not know."""
        if self._asked >= MOST_REQUESTS or self.limit:
            return None
        try:
            answer = await self._counted(path, params or {})
        except Gu1Error as error:
            self.troubles.append(f"{name} ({type(error).__name__})")
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
            self.troubles.append(f"{name} (HTTP {answer.status} {code_of(answer) or 'without a code'})")
            return None
        if answer.body is None:
            self.troubles.append(f"{name} (no JSON)")
        return answer.body

    async def _counted(self, path: str, params: Params) -> Response:
        self._asked += 1
        answer = await self._look(path, params)
        if answer.is_refusal:
            self.refusals.append(answer.body)
        # A 404 alone may come from an address that is not there, before anybody looked at the key.
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
