"""Static texts, each in the smallest encoding that a browser accepts."""

from __future__ import annotations

import gzip
from mimetypes import guess_type
from pathlib import Path

from flask import Response, request

from portal.web.compression import accepts
from portal.web.static_content import brotli_path, version_of


class StaticText:
    """Brotli only if the build made it (`portal/build.py`), gzip always."""

    def __init__(self, path: Path, content: bytes, mimetype: str | None = None) -> None:
        self._version = version_of(content)
        self._mimetype = mimetype or guess_type(path.name)[0]
        self._plain = content
        self._encoded = {"gzip": gzip.compress(content, 9, mtime=0)}
        brotli = brotli_path(path, content)
        if brotli.exists():
            self._encoded = {"br": brotli.read_bytes(), **self._encoded}

    def response(self) -> Response:
        accepted = request.headers.get("Accept-Encoding", "")
        encoding = next((it for it in self._encoded if accepts(it, accepted)), None)
        if encoding:
            response = Response(self._encoded[encoding], mimetype=self._mimetype)
            response.content_encoding = encoding
            response.set_etag(f"{self._version}-{encoding}")
        else:
            response = Response(self._plain, mimetype=self._mimetype)
            response.set_etag(self._version)
        response.vary.add("Accept-Encoding")
        response.make_conditional(request)
        return response
