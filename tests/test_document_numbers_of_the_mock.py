"""The mock's table of document numbers: as it is documented, and each outcome by a button of the mock's page."""

from e2e.mock_gu1.outcomes import FOR_OPERATORS, offered
from e2e.mock_gu1.scenarios import SCENARIOS
from tests.documents import ROOT


def test_document_has_the_mocks_own_table():
    document = (ROOT / "docs" / "partners.md").read_text()
    table = document.partition("| document number | what happens |\n|---|---|\n")[2].partition("\n| any other |")[0]
    assert table == "\n".join(f"| `{it.document}` | {it.what} |" for it in SCENARIOS)


def test_page_of_the_mock_offers_every_outcome_of_the_table():
    missing = {it.key for row in SCENARIOS for it in row.outcomes if offered(it.key, FOR_OPERATORS) is None}
    assert missing == set()
