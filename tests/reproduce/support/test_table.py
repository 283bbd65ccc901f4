"""One table in four forms: each form says the same, and no cell can break out of it."""

import csv
import io

from reproduce.support.table import Code, Table


class Linked:
    """A cell with a link on a page and two columns in a spreadsheet."""

    def __str__(self) -> str:
        return "5 ± 1"

    def __html__(self) -> str:
        return "<a>5</a>"

    def csv_values(self) -> dict[str, int]:
        return {"": 5, "half": 1}


HOSTILE = 'a|b\n<b>"x",y\x1b[31m'
TABLE = Table(["set", Code("conv")], [[HOSTILE, Linked()], ["plain", "–"]], "A <title>", right=[1])


def test_a_cell_cannot_end_its_cell_in_markdown() -> None:
    head, rule, first, second = TABLE.markdown().splitlines()
    assert (head, rule) == ("| set | `conv` |", "| --- | ---: |")
    assert first == r'| a\|b\n<b>"x",y\x1b[31m | 5 ± 1 |'
    assert second == "| plain | – |"


def test_texts_are_escaped_in_html_and_links_are_kept() -> None:
    page = TABLE.html()
    assert "<caption>A &lt;title&gt;</caption>" in page
    assert '<th scope="col" class="figure"><code>conv</code></th>' in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert '<td class="figure"><a>5</a></td>' in page
    assert "plain" not in TABLE.html(most=1)


def test_a_cell_may_fill_several_columns_of_a_spreadsheet() -> None:
    rows = list(csv.reader(io.StringIO(TABLE.csv().decode(), newline="")))
    assert rows == [
        ["set", "conv", "conv half"],
        [HOSTILE, "5", "1"],
        ["plain", "–", ""],
    ]


def test_a_table_without_rows_keeps_its_head() -> None:
    empty = Table(["a", "b"], [])
    assert empty.csv() == b"a,b\n"
    assert empty.markdown() == "| a | b |\n| --- | --- |\n"


def test_a_column_can_be_left_out() -> None:
    wide = Table(["a", "b", "c"], [[1, 2, 3]], "T", right=[1, 2])
    assert wide.without("b") == Table(["a", "c"], [[1, 3]], "T", right=[1])
