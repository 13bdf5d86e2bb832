"""Answers as small as any browser takes them; no proxy has to be told to do it."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

_WORTH_IT = 1024
_LEVEL = 5
"""Beyond it a page gets hardly smaller."""


def init_compression(app: Flask) -> None:
    """For pages. They echo nothing that another site could choose, so their size betrays nothing of them."""

    @app.after_request
    def compress(response: Response) -> Response:
        if response.mimetype != "text/html":
            return response
        response.vary.add("Accept-Encoding")
        body = b"" if response.direct_passthrough or response.content_encoding else response.get_data()
        if len(body) >= _WORTH_IT and accepts_gzip():
            response.set_data(gzip.compress(body, _LEVEL, mtime=0))
            response.content_encoding = "gzip"
        return response


def accepts_gzip() -> bool:
    return request.accept_encodings["gzip"] > 0


def gzip_bytes(content: bytes) -> bytes:
    """At leisure, for what is kept."""
    return gzip.compress(content, 9, mtime=0)


def gzip_response(content: bytes, mimetype: str | None, version: str) -> Response:
    """What `gzip_bytes` made, for whoever takes it; `version` changes with the content."""
    response = Response(content, mimetype=mimetype, headers={"Content-Encoding": "gzip"})
    response.set_etag(f"{version}-gzip")
    response.make_conditional(request)
    return response
