"""Requests as Granian hands them over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace


def scope(**changes):
    said = {
        "http_version": "1.1",
        "server": "127.0.0.1:8000",
        "client": "192.0.2.1:4000",
        "scheme": "http",
        "method": "GET",
        "path": "/",
        "query_string": "",
        "headers": [],
    }
    said |= changes
    headers = said.pop("headers")
    readable = [it for it in headers if it[1].isascii()]
    names = list(dict.fromkeys(name for name, _ in headers))
    return SimpleNamespace(**said, headers=SimpleNamespace(items=lambda: readable, keys=lambda: names))


class Exchange:
    def __init__(self, *parts, pause=0.0):
        self._parts = parts
        self._pause = pause
        self.was_read = 0

    async def __aiter__(self):
        for part in self._parts:
            await asyncio.sleep(self._pause)
            self.was_read += len(part)
            yield part

    def response_bytes(self, status, headers, body):
        self.status, self.given_headers, self.body = status, headers, body
        self.headers = dict(headers)

    def response_empty(self, status, headers):
        self.response_bytes(status, headers, b"")


async def nothing_read(_environ):
    return None
