"""Tables in documents come from records, and stay so."""

import re
from pathlib import Path

import pytest

from analysis.tables import documents
from reproduce import UserError

ROOT = Path(__file__).resolve().parents[3]


DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_show_what_the_results_say(document: Path) -> None:
    assert documents.update(document, ROOT / "results") == document.read_text()


def test_every_table_is_shown_and_filled() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    assert [m for m in documents.TABLES if f"<!-- {m}:begin -->\n| " not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_pictures_are_there(document: Path) -> None:
    shown = re.findall(r"!\[[^\]]*\]\((?!http)([^)]+)\)", document.read_text())
    assert [name for name in shown if not (document.parent / name).is_file()] == []


def test_only_what_stands_between_the_marks_changes() -> None:
    text = "a\n<!-- t:begin -->\nold\n<!-- t:end -->\nb <!-- u:begin --><!-- u:end -->"
    filled = documents.fill(text, "t", r"| \1 |" + "\n")
    assert filled == text.replace("old\n", "| \\1 |\n")
    with pytest.raises(UserError, match="no <!-- v:begin -->"):
        documents.fill(text, "v", "")


def test_missing_documents_and_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        documents.update(tmp_path / "x.md", tmp_path)
    (tmp_path / "x.md").write_text("<!-- speed:begin -->\n<!-- speed:end -->\n")
    with pytest.raises(UserError, match="cannot be read"):
        documents.update(tmp_path / "x.md", tmp_path)
