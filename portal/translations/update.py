"""Brings the catalogues up to date with the texts in code and templates: ``python portal/translations/update.py``."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

_KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
_FOLDERS = {"portal": [("**.py", "python")], "templates": [("**.html", "jinja2")]}
_KEPT_OF_THE_HEADER = (b'"Language:', b'"Plural-Forms:', b'"MIME-Version:', b'"Content-')
"""What says nothing of when and by what the file was written."""


def extract() -> Catalog:
    """Every message of the portal, in English and without a translation."""
    found = Catalog(charset="utf-8")
    for folder, methods in _FOLDERS.items():
        for _file, _line, message, comments, context in extract_from_dir(
            ROOT / folder, method_map=methods, options_map={"**.html": {"silent": "false"}}, keywords=_KEYWORDS
        ):
            found.add(message, auto_comments=comments, context=context)
    return found


def read(path: Path) -> Catalog:
    with path.open("rb") as text:
        return read_po(text, locale=path.parent.parent.name)


def catalogues() -> list[Path]:
    return sorted(HERE.glob("*/LC_MESSAGES/*.po"))


def update(path: Path, template: Catalog) -> None:
    """New messages come in empty, unused ones go; nothing is guessed."""
    catalogue = read(path)
    catalogue.update(template, no_fuzzy_matching=True)
    written = BytesIO()
    write_po(written, catalogue, width=100, no_location=True, sort_output=True, ignore_obsolete=True)
    header, messages = written.getvalue().split(b"\n\n", 1)
    kept = [line for line in header.splitlines() if not line.startswith(b'"') or line.startswith(_KEPT_OF_THE_HEADER)]
    path.write_bytes(b"\n".join(kept).lstrip() + b"\n\n" + messages.rstrip() + b"\n")


def main() -> None:
    template = extract()
    for path in catalogues():
        update(path, template)


if __name__ == "__main__":
    main()
