"""Requests whose parts can be read whatever bytes they are made of."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_from_bytes

from flask import Request

_ASCII = "".join(chr(code) for code in range(0x21, 0x7F))


class TolerantRequest(Request):
    def __init__(self, environ: dict[str, Any], **options: Any) -> None:
        # Werkzeug fails on bytes in the query that are not UTF-8, unless they are percent-encoded.
        environ["QUERY_STRING"] = quote_from_bytes(environ.get("QUERY_STRING", "").encode("latin-1"), safe=_ASCII)
        super().__init__(environ, **options)
