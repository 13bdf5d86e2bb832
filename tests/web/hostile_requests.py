"""Seeded requests that no browser sends: any method, path, query, header and body that a server passes on."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from werkzeug.routing import Rule

HOME = "127.0.0.1:8000"
WORDS = (
    *("", " ", "0", "-1", "1e309", "NaN", "null", "[]", "true", "²", "१२", "9" * 400, "A" * 5000, "\x00", "\x7f"),
    *("a\nb", "a\r\nSet-Cookie: x=1", "\r\n\r\n<html>", "%0a", "%00", "%", "%zz", "%ff%fe", "%2e%2e%2f", ".."),
    *("../../x",),
    *("/", "//", "//example.com", "\\\\example.com", "https://example.com", "javascript:alert(1)", "data:,x"),
    *("a;b", "a,b"),
    *("é", "ñandú", "\u202e", "\u2028", "\ufeff", "\U0001f600", "\udc80", "\udcff\udcfe", "{{7*7}}", "%(x)s"),
    *("${x}", "'"),
    *("'\"><script>alert(1)</script>", "' OR 1=1--", "x; script-src *", 'W/"x"', "*", "bytes=0-", "bytes=9-1", "es-AR"),
    *("AR", "other", "country", "language", "qr", "direct", "on", "1-00000000-never-es-AR", "9" * 20, "text/html;q=x"),
)
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get")
PARAMETERS = ("lang", "via", "country", "v", "verificationSessionId", "status", "limit", "t", "")
HEADERS = (
    *("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie", "Host", "Origin"),
    *("HX-Boosted", "HX-Current-URL", "HX-Request", "HX-Target", "Idempotency-Key", "If-Match", "If-Modified-Since"),
    *("If-None-Match", "If-Range", "If-Unmodified-Since", "Range", "Referer", "Sec-Fetch-Dest", "Sec-Fetch-Site"),
    *("User-Agent", "X-Camera", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override"),
    *("X-Pointer", "X-Webhook-Signature", "Content-Encoding", "Access-Control-Request-Method", "Forwarded", "Expect"),
)
TYPES = (
    *("application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data", "", 'a/b; c="d'),
    *("multipart/form-data; boundary=x", "application/json; charset=utf-16"),
    *("application/x-www-form-urlencoded; charset=x",),
)
FIELDS = (
    *("country", "issuing_country", "document_number", "first_name", "last_name", "email", "consent", "form_token"),
    *("attempt", "action", "external_id", "return_url", "state", "locale", "capture", "applicant", ""),
)


EVERYWHERE = {
    *("Cache-Control", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"),
    *("Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options"),
}
TARGETS = {"", HOME, "verify.example.com", "shop.example"}
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def faults_of(status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """What no answer may be. Names of headers in any case."""
    names = {name.lower(): value for name, value in headers.items()}
    leads_to = {urlsplit(names.get(name, "")).netloc for name in ("location", "hx-redirect")}
    found = {
        f"status {status}": status >= 500,
        f"without {sorted(name for name in EVERYWHERE if name.lower() not in names)}": not (
            {name.lower() for name in EVERYWHERE} <= names.keys()
        ),
        "a header with strange characters": not all(map(HEADER_VALUE.fullmatch, names.values())),
        "a cookie": "set-cookie" in names,
        "a script of the request": b"<script>alert" in body,
        f"leads to {leads_to - TARGETS}": bool(leads_to - TARGETS),
    }
    return [fault for fault, is_there in found.items() if is_there]


class HostileRequests:
    """The same for the same seed."""

    def __init__(self, seed: int, rules: Iterable[Rule], known: list[str], good: dict[str, list[str]]) -> None:
        """`known`: words that open something; `good`: values of headers that open something."""
        self._random = random.Random(seed)
        self._rules = list(rules)
        self._known = known
        self._good = good

    def word(self) -> str:
        kind = self._random.randrange(8)
        if kind == 0:
            return self._mutated(self._random.choice(self._known))
        if kind < 3:
            return self._random.choice(self._known)
        if kind == 3:
            return "".join(chr(self._random.randrange(256)) for _ in range(self._random.randrange(12)))
        return self._random.choice(WORDS)

    def request(self) -> dict[str, Any]:
        """A WSGI environment, as a server makes it."""
        body, rule = self._body(), self._random.choice(self._rules)
        methods = METHODS if not self._random.randrange(8) else sorted(rule.methods or METHODS)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self._random.choice(methods),
            "SCRIPT_NAME": "",
            "PATH_INFO": self._path(rule),
            "QUERY_STRING": _latin(self._query()),
            "CONTENT_TYPE": self._random.choice(TYPES),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": HOME,
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": BytesIO(),
        }
        if self._random.randrange(4):
            environ["CONTENT_LENGTH"] = str(len(body)) if self._random.randrange(8) else _latin(self.word())
        for name in self._random.sample(HEADERS, self._random.randrange(6)):
            if name != "Host" or not self._random.randrange(4):
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = self._header(name)
        return environ

    def _header(self, name: str) -> str:
        good = self._good.get(name)
        if good and self._random.randrange(3):
            return self._random.choice(good)
        # A server refuses these in a header by itself.
        return _latin(self.word()).translate({0: None, 10: None, 13: None})

    def _path(self, rule: Rule) -> str:
        if not self._random.randrange(8):
            return _latin("/" + "/".join(self.word() for _ in range(self._random.randrange(4))))
        written = "".join(self.word() if is_variable else part for is_variable, part in rule._trace)
        return unquote_to_bytes(written.removeprefix("|").encode("utf-8", "surrogateescape")).decode("latin-1")

    def _query(self) -> str:
        pairs = [(self._random.choice(PARAMETERS), self.word()) for _ in range(self._random.randrange(4))]
        if self._random.randrange(2):
            return "&".join(f"{name}={word}" for name, word in pairs)
        return "&".join(f"{name}={quote(word, errors='surrogateescape')}" for name, word in pairs)

    def _body(self) -> bytes:
        fields = {name: self.word() for name in self._random.sample(FIELDS, self._random.randrange(len(FIELDS)))}
        kind = self._random.randrange(5)
        if kind == 0:
            return self.word().encode("utf-8", "surrogateescape")
        if kind == 1:
            return json.dumps(fields | {"applicant": self._random.choice([fields, [], None, 7])}).encode()
        if kind == 2:
            part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
            whole = "".join(part.format(*pair) for pair in fields.items()) + "--x--\r\n"
            return self._cut(whole.encode("utf-8", "surrogateescape"))
        written = "&".join(f"{name}={quote(word, errors='surrogateescape')}" for name, word in fields.items())
        return self._cut(written.encode())

    def _cut(self, whole: bytes) -> bytes:
        return whole if self._random.randrange(4) else whole[: self._random.randrange(len(whole) + 1)]

    def _mutated(self, word: str) -> str:
        place = self._random.randrange(len(word) + 1)
        return (
            word[:place] + self._random.choice(("~", "=", ".", "A", "\n", "%00", "\udcff", "/", "")) + word[place + 1 :]
        )


def _latin(text: str) -> str:
    """As WSGI passes bytes on."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
