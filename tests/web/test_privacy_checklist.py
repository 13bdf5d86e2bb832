"""docs/privacy-checklist.md quotes what the pages say."""

import re

import pytest

from tests.documents import ROOT

CHECKLIST = (ROOT / "docs" / "privacy-checklist.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| .+? \| (privacy|agreement) \| (.+) \|$", CHECKLIST, re.MULTILINE)


@pytest.fixture
def config(config):
    told = {"operator_name": "Example Bank", "contact_url": "mailto:privacy@bank.example"}
    return config.model_copy(
        update=told | {"gu1_provider_hosts": ("verify.didit.me",), "gu1_double_check_renaper": True}
    )


def test_every_quoted_sentence_is_on_its_page(visitor):
    pages = {"privacy": visitor.get("/privacy?lang=en"), "agreement": visitor.get("/?lang=en&country=AR")}
    said = {where: page.text("main") for where, page in pages.items()}
    missing = [
        sentence
        for _point, where, told in ROWS
        for sentence in re.findall(r'"([^"]+)"', told)
        if sentence not in said[where]
    ]
    assert missing == []


def test_every_point_of_the_articles_has_a_sentence():
    assert [point for point, _where, told in ROWS if '"' in told] == [
        *"aabccde",
        *("I", "II", "III", "IV", "V", "VI", "VII"),
        *("I", "I", "§ 1"),
    ]
