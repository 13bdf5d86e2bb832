"""Gzip, so that no proxy has to be configured for it."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

from flask import Flask, Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

WORTH_IT = 1024
_LEVEL = 5
"""Higher levels make a page hardly smaller."""


def init_compression(app: Flask) -> None:
    """For pages. They contain nothing that another site can choose, so BREACH does not apply."""

    @app.after_request
    def compress(response: Response) -> Response:
        if response.mimetype != "text/html":
            return response
        response.vary.add("Accept-Encoding")
        body = b"" if response.direct_passthrough or response.content_encoding else response.get_data()
        if len(body) >= WORTH_IT and accepts("gzip", request.headers.get("Accept-Encoding", "")):
            response.set_data(gzip.compress(body, _LEVEL, mtime=0))
            response.content_encoding = "gzip"
        return response


@lru_cache(maxsize=256)
def accepts(encoding: str, header: str) -> bool:
    """`header`: the request's Accept-Encoding."""
    return parse_accept_header(header, Accept)[encoding] > 0


class SplicedGzip:
    """Texts that are compressed once, and can then be joined with any values between them, as one gzip member."""

    _HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    _LAST_BLOCK = b"\x03\x00"

    def __init__(self, texts: Sequence[bytes]) -> None:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        # After a full flush nothing refers back, and the next block begins with a whole byte.
        self._packed = [deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH) for text in texts]
        self._texts = texts

    def filled(self, values: Sequence[bytes]) -> bytes:
        """`values`: one less than texts, each of at most 65,535 bytes."""
        pieces = [self._HEAD, self._packed[0]]
        plain = [self._texts[0]]
        for value, text, packed in zip(values, self._texts[1:], self._packed[1:], strict=True):
            pieces += (_stored_block(len(value)), value, packed)
            plain += (value, text)
        whole = b"".join(plain)
        return b"".join((*pieces, self._LAST_BLOCK, struct.pack("<II", zlib.crc32(whole), len(whole))))


@lru_cache(maxsize=1024)
def _stored_block(size: int) -> bytes:
    """The head of a block that is not compressed."""
    return struct.pack("<BHH", 0, size, size ^ 0xFFFF)
