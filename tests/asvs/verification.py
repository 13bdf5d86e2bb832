"""Which requirement of OWASP ASVS 5.0 is shown by which test, section or paragraph.

Tests say it by `@pytest.mark.asvs("2.1.3")`, documents by `<!-- asvs 2.1.3 -->` below a heading, and
requirements.toml has the rest. `python -m tests.asvs` writes docs/asvs.md.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.documents import ROOT

PAGE = ROOT / "docs" / "asvs.md"
REQUIREMENTS = Path(__file__).parent / "requirements.toml"
TESTS = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("e2e/test_*.py")]
DOCUMENTS = [it for it in ROOT.glob("docs/*.md") if it != PAGE]
CHAPTERS = {
    1: "Encoding and injection",
    2: "Validation and business rules",
    3: "Browsers",
    4: "HTTP and APIs",
    5: "Files",
    6: "Ways in",
    7: "Sessions",
    8: "Who may do what",
    9: "Signed tokens",
    11: "Cryptography",
    12: "Encrypted connections",
    13: "Configuration",
    14: "Data",
    15: "Code and components",
    16: "Logs and errors",
}
_MARKER = re.compile(r"^<!-- asvs ((?:\d+\.\d+\.\d+ ?)+)-->$")
_HEADING = re.compile(r"^#+ (.+)$")


@dataclass
class Requirement:
    number: str
    level: int
    title: str
    why: str = ""
    tests: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    """As links from docs/asvs.md."""

    @property
    def is_shown(self) -> bool:
        return bool(self.tests or self.sections or self.why)

    @property
    def place(self) -> tuple[int, ...]:
        return place(self.number)


@dataclass
class Verification:
    requirements: dict[str, Requirement]
    not_applicable: list[dict[str, object]]
    unknown: list[str]
    """Markers that name no requirement which applies."""

    @property
    def tested(self) -> int:
        return sum(bool(it.tests) for it in self.requirements.values())

    @property
    def not_shown(self) -> list[str]:
        return [it.number for it in self.requirements.values() if not it.is_shown]


def place(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def verification(tests: Iterable[Path] = TESTS, documents: Iterable[Path] = DOCUMENTS) -> Verification:
    data = tomllib.loads(REQUIREMENTS.read_text("utf-8"))
    not_applicable = data.pop("not_applicable")
    found = Verification({number: Requirement(number, **it) for number, it in data.items()}, not_applicable, [])
    for number, test in sorted(_marked_tests(tests)):
        _note(found, number, test, "tests")
    for number, link in sorted(_marked_sections(documents)):
        _note(found, number, link, "sections")
    return found


def _note(found: Verification, number: str, where: str, kind: str) -> None:
    requirement = found.requirements.get(number)
    if requirement is None:
        found.unknown.append(f"{number}: {where}")
    else:
        getattr(requirement, kind).append(where)


def _marked_tests(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        for test in ast.parse(file.read_text("utf-8")).body:
            if not isinstance(test, ast.FunctionDef):
                continue
            for marker in test.decorator_list:
                if isinstance(marker, ast.Call) and ast.unparse(marker.func) == "pytest.mark.asvs":
                    for number in marker.args:
                        yield ast.literal_eval(number), f"{_name(file)}::{test.name}"


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name


def _marked_sections(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        heading = ""
        for line in file.read_text("utf-8").splitlines():
            if below := _HEADING.match(line):
                heading = below[1]
            elif marker := _MARKER.match(line):
                anchor = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
                for number in marker[1].split():
                    yield number, f"[{heading}]({file.name}#{anchor})"


def page(found: Verification) -> str:
    applies = len(found.requirements)
    without = sum(len(_numbers(it)) for it in found.not_applicable)
    lines = [
        "# OWASP ASVS 5.0, level 2",
        "",
        "For whoever audits the portal: each requirement of levels 1 and 2 of the "
        "[Application Security Verification Standard](https://github.com/OWASP/ASVS/tree/v5.0.0), "
        "by its number, with what shows that it is met. The titles are ours and short; the standard has the whole "
        "sentences. `python -m tests.asvs` writes this page from the markers of tests and documents, and a test fails "
        "when a requirement has neither.",
        "",
        f"Of {applies + without} requirements {applies} apply. {found.tested} of them are tested, the others have a "
        f"section or a paragraph. {without} [do not apply](#what-does-not-apply).",
        "",
    ]
    for chapter, title in CHAPTERS.items():
        members = sorted((it for it in found.requirements.values() if it.place[0] == chapter), key=lambda it: it.place)
        if members:
            lines += [f"## {chapter} {title}", "", "| | requirement | level | shown by |", "|---|---|---|---|"]
            lines += [f"| {it.number} | {it.title} | {it.level} | {_shown_by(it)} |" for it in members]
            lines.append("")
    lines += ["## What does not apply", "", "| | why | requirements |", "|---|---|---|"]
    lines += [f"| {it['what']} | {it['why']} | {', '.join(_numbers(it))} |" for it in found.not_applicable]
    return "\n".join(lines) + "\n"


def _numbers(group: Mapping[str, object]) -> list[str]:
    numbers = group["numbers"]
    assert isinstance(numbers, list)
    return numbers


def _shown_by(requirement: Requirement) -> str:
    named = (requirement.why, *requirement.sections, *(f"`{test}`" for test in requirement.tests))
    return " · ".join(filter(None, named))
