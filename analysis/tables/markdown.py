"""Tables in Markdown files, kept true: filled from records between marks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from analysis.figures import axes, curves
from analysis.tables.answers import ANSWERS
from analysis.tables.bench import BENCHES
from reproduce import protocols
from reproduce.errors import UserError
from reproduce.essay import comparison, draws
from reproduce.essay.problems import LAST, PROBLEMS, Problem
from reproduce.records import Record, read
from reproduce.summary import score_table, summarise
from reproduce.support.files import read_input
from reproduce.support.table import Code, Table
from reproduce.transfer.backbones import Backbone

TRAINED = ("conv", "conv-shift1")
FRESH = 1000  # first of the seeds that searches leave for the re-scoring


def fill(text: str, mark: str, table: str) -> str:
    """Replace what stands between `<!-- mark:begin -->` and `<!-- mark:end -->`.

    Raises
    ------
    UserError
        When the text has no such marks.
    """
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    if not pattern.search(text):
        raise UserError(f"no {begin} ... {end} to fill; put the two marks where the table is to be")
    return pattern.sub(lambda match: f"{begin}\n{table}{end}", text)


def essay_table(records: Sequence[Record]) -> Table:
    """Ours beside every published number of the essay that the records answer."""
    rows = [
        [
            f"RMNIST/{cell.published.ipc}" if cell.published.ipc else "MNIST",
            cell.draw if cell.draw and cell.published.ipc > 1 else "–",
            Code(cell.published.protocol),
            f"{cell.published.accuracy:.2f}",
            str(cell.ours),
            str(cell.ours.n),
            cell.verdict,
        ]
        for cell in comparison.compare_draws(records)
    ]
    return Table(["set", "draw", "protocol", "published", "ours", "n", "verdict"], rows)


def made_table(records: Sequence[Record]) -> Table:
    """Scores of sets that are not the essay's draws."""
    return score_table([record for record in records if record["method"] != "essay draw"])


def speed_table(bench: dict[str, Any]) -> Table:
    """`score_many` against a plain loop, from `results/benchmarks/oracle.json`."""
    rows = []
    for case in bench["cases"]:
        seconds = case["seconds_per_network"]
        plain = min(seconds["plain, 1 thread"], seconds["plain, all threads"])
        rows.append(
            [
                Code(case["protocol"]),
                str(case["ipc"]),
                f"{case['networks']} x {case['epochs']} epochs, {case['images']:,} images",
                f"{plain:.2f}",
                f"{seconds['ours']:.3f}",
                f"{case['ratio']:.1f}",
                f"{case['candidates_per_minute']:.0f}",
                f"{case['gflops']:.0f} ({100 * case['share_of_peak']:.0f} %)",
            ]
        )
    head = ["protocol", "ipc", "networks", "plain s", "ours s", "ratio", "candidates / minute"]
    return Table([*head, "GFLOP/s (of peak)"], rows)


def proxy_table(bench: dict[str, Any]) -> Table:
    """Rank correlations of the proxies, from `results/benchmarks/proxies.json`."""
    rows = []
    for name, proxy in bench["proxies"].items():
        correlations = ["{:.2f} ± {:.2f}".format(*proxy["spearman"][o]) for o in TRAINED]
        rows.append([Code(name), *correlations, f"{proxy['subsets_per_second_and_thread']:,.0f}"])
    ceiling = "{:.2f} ± {:.2f}".format(*bench["conv_against_conv_shift1"])
    rows.append(["`conv` itself", "–", ceiling, "–"])
    return Table(["proxy", *(Code(name) for name in TRAINED), "subsets / second / thread"], rows)


def searched_table(records: Sequence[Record]) -> Table:
    """Scores on the seeds that a search uses neither to find nor to choose."""
    return made_table([record for record in records if record["seed"] >= FRESH])


def search_rank_table(bench: dict[str, Any]) -> Table:
    """Rank correlations of the search's proxies, from `results/benchmarks/search-rank.json`."""
    rows = []
    for name, correlation in bench["spearman"].items():
        speed = bench["sets_per_second"].get(name)
        cells = ["{:.2f} ± {:.2f}".format(*correlation), f"{speed:,.0f}" if speed else "–"]
        rows.append([name, *cells])
    return Table(["proxy", Code(bench["protocol"]), "sets / second / thread"], rows)


def problem_table(records: Sequence[Record], problem: Problem) -> Table:
    """Mean ± standard error (n) of each of a problem's protocols on the essay's *figures* draws."""
    rows = []
    for protocol in problem.protocols:
        cells = [_figures_cell(records, protocol, ipc) for ipc in draws.ESSAY_SIZES]
        if any(cells):
            rows.append([Code(protocol), *(cell or "–" for cell in cells)])
    return Table(["protocol", *(f"RMNIST/{ipc}" for ipc in draws.ESSAY_SIZES)], rows)


BEST = Problem("best", "The strongest way", ("conv", "conv-shift1", "conv-shift2", "best"))
TRANSFER = Problem(
    "transfer",
    "The essay's transfer experiment",
    tuple(
        protocols.features_name(Backbone(name, layer), "mlp", shifts)
        for name, layer in LAST.items()
        for shifts in (0, 1)
    ),
)


def tuning_table(bench: dict[str, Any]) -> Table:
    """Variants of `best` on random draws, from `results/benchmarks/best.json`."""
    found = {(entry["variant"], entry["ipc"]): entry for entry in bench["rows"]}
    titles = list(dict.fromkeys(title for title, _ in found))
    sizes = sorted({ipc for _, ipc in found})
    rows = []
    for title in titles:
        entries = [found.get((title, ipc)) for ipc in sizes]
        rows.append(
            [
                title,
                *(f"{e['mean']:.2f} ± {e['standard_error']:.2f}" if e else "–" for e in entries),
            ]
        )
    return Table(["one network, changed", *(f"{ipc} a class" for ipc in sizes)], rows)


def _figures_cell(records: Sequence[Record], protocol: str, ipc: int) -> str:
    ours = comparison.of_draw(comparison.full_records(records), protocol, ipc, "figures")
    if not ours:
        return ""
    summary = summarise(ours)
    return f"{summary} ({summary.n})"


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(read_input(path))
    return content


# Each table with the tracked file that it is made from.
TABLES: dict[str, tuple[str, Callable[[Path], Table]]] = {
    "essay": ("records/essay.jsonl", lambda path: essay_table(read(path))),
    "demo": ("demo/records.jsonl", lambda path: made_table(read(path))),
    "speed": ("benchmarks/oracle.json", lambda path: speed_table(_json(path))),
    "proxies": ("benchmarks/proxies.json", lambda path: proxy_table(_json(path))),
    "tuning": ("benchmarks/best.json", lambda path: tuning_table(_json(path))),
    "distilled": ("records/distill.jsonl", lambda path: made_table(read(path))),
    "search-rank": ("benchmarks/search-rank.json", lambda path: search_rank_table(_json(path))),
    "searched": ("records/search.jsonl", lambda path: searched_table(read(path))),
}


def _of_problem(problem: Problem) -> Callable[[Path], Table]:
    return lambda path: problem_table(read(path), problem)


TABLES |= {p.name: ("records/essay.jsonl", _of_problem(p)) for p in (BEST, TRANSFER)}
TABLES |= {f"problem-{p.name}": ("records/essay.jsonl", _of_problem(p)) for p in PROBLEMS}


TABLES |= {mark: (".", make) for mark, make in {**ANSWERS, **BENCHES}.items()}


# Pictures by the name under which documents show them; None where nothing is measured yet.
PICTURES: dict[str, Callable[[Path], Figure | None]] = {
    "essay-spread.svg": lambda results: axes.essay_spread(
        read(results / "records" / "essay.jsonl")
    ),
    "search-methods.svg": curves.search_methods,
    "distill-methods.svg": curves.distill_methods,
    "distill-runs.svg": curves.distill_runs,
}


def pictures(document: Path, results: Path) -> dict[Path, bytes]:
    """The pictures that a Markdown file shows and that are made from results, as SVG."""
    text = read_input(document).decode()
    made = {name: make(results) for name, make in PICTURES.items() if f"({name})" in text}
    return {document.parent / name: axes.svg(found) for name, found in made.items() if found}


def update(document: Path, results: Path) -> str:
    """The text of a Markdown file with all of its marked tables made anew from `results`.

    Raises
    ------
    UserError
        When the document, or a file that one of its tables is made from, cannot be read.
    """
    try:
        text = read_input(document).decode()
        for mark, (source, make) in TABLES.items():
            if f"<!-- {mark}:begin -->" in text:
                text = fill(text, mark, make(results / source).markdown())
    except (OSError, ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{document}: cannot fill its tables from {results} ({reason})") from None
    return text
