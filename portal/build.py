"""What a build makes: ``python portal/build.py``, and the hook of every wheel and editable install.

Message catalogues are compiled. Static texts are compressed with Brotli, which takes too long to do at each start.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import brotli
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent.parent))  # the portal is not installed yet

from portal.web.static_content import brotli_path, is_text, sent_content, static_files


def build(root: Path) -> None:
    _compile_catalogues(root / "portal" / "translations")
    _compress_texts(root / "static")


def _compile_catalogues(folder: Path) -> None:
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        with source.open("rb") as text:
            catalogue = read_po(text, locale=source.parent.parent.name)
        with source.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, catalogue)


def _compress_texts(folder: Path) -> None:
    wanted = {}
    for name, path in static_files(folder).items():
        if is_text(path):
            content = sent_content(name, path)
            wanted[brotli_path(path, content)] = content
    for old in set(folder.rglob("*.br")) - wanted.keys():
        old.unlink()
    for path, content in wanted.items():
        if not path.exists():
            path.write_bytes(brotli.compress(content, mode=brotli.MODE_TEXT))


class BuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root))


if __name__ == "__main__":
    build(Path(__file__).parent.parent)
