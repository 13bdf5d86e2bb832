"""What is sent of a static file. The build reads this before anything is installed, so it imports only Python's own."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

_TEXTS = {".css", ".js", ".svg", ".ts"}
_VERSION_LENGTH = 12


def static_files(folder: Path) -> dict[str, Path]:
    """By their names below `/static/`."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".br")
    return {path.relative_to(folder).as_posix(): path for path in paths}


def is_text(path: Path) -> bool:
    return path.suffix in _TEXTS


def sent_content(name: str, path: Path) -> bytes:
    """Scripts of the pages are sent without comments. What was built elsewhere stays as it is."""
    content = path.read_bytes()
    return _without_comments(content.decode()).encode() if name.endswith(".js") and "/" not in name else content


def version_of(content: bytes) -> str:
    return sha256(content).hexdigest()[:_VERSION_LENGTH]


def brotli_path(path: Path, content: bytes) -> Path:
    """Named for the content, so that what was built of an older text is never taken for this one's."""
    return path.with_name(f"{path.name}.{version_of(content)}.br")


def _without_comments(script: str) -> str:
    return re.sub(r"^\s*(//.*)?\n?", "", script, flags=re.MULTILINE)
