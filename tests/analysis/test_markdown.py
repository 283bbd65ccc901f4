"""Tables in documents come from records, and stay so."""

from pathlib import Path

import pytest

from analysis import markdown
from reproduce import UserError, records

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = {"essay": "results/records.jsonl", "demo": "results/demo/records.jsonl"}


@pytest.mark.parametrize("table", SOURCES)
def test_readme_shows_what_the_records_say(table: str) -> None:
    scored = records.read(ROOT / SOURCES[table])
    assert scored
    readme = ROOT / "README.md"
    assert markdown.fill_file(readme, table, scored) == readme.read_text()


def test_only_what_stands_between_the_marks_changes() -> None:
    text = "a\n<!-- t:begin -->\nold\n<!-- t:end -->\nb <!-- u:begin --><!-- u:end -->"
    filled = markdown.fill(text, "t", r"| \1 |" + "\n")
    assert filled == text.replace("old\n", "| \\1 |\n")
    with pytest.raises(UserError, match="no <!-- v:begin -->"):
        markdown.fill(text, "v", "")


def test_unknown_tables_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown table"):
        markdown.fill_file(tmp_path / "x.md", "nothing", [])
    with pytest.raises(UserError, match="not a readable"):
        markdown.fill_file(tmp_path / "x.md", "essay", [])
