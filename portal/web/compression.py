"""Gzip, so that no proxy has to be configured for it."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

_WORTH_IT = 1024
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
        if len(body) >= _WORTH_IT and accepts_gzip():
            response.set_data(gzip.compress(body, _LEVEL, mtime=0))
            response.content_encoding = "gzip"
        return response


def accepts_gzip() -> bool:
    return request.accept_encodings["gzip"] > 0


def gzip_bytes(content: bytes) -> bytes:
    """At the highest level, for content that is compressed once."""
    return gzip.compress(content, 9, mtime=0)


def gzip_response(content: bytes, mimetype: str | None, version: str) -> Response:
    """`content` is already compressed; `version` changes with it and becomes the ETag."""
    response = Response(content, mimetype=mimetype, headers={"Content-Encoding": "gzip"})
    response.set_etag(f"{version}-gzip")
    response.make_conditional(request)
    return response
