"""Files of `results/benchmarks`, as the benchmarks write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reproduce.support.files import read_input

Benchmark = dict[str, Any]


def benchmark(results: Path, name: str) -> Benchmark:
    """The content of one file.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    content: Benchmark = json.loads(read_input(results / "benchmarks" / f"{name}.json"))
    return content


def benchmarks(results: Path, pattern: str) -> list[Benchmark]:
    """The files whose names match, the smallest number of images per class first; maybe none."""
    names = sorted(path.stem for path in (results / "benchmarks").glob(f"{pattern}.json"))
    found = [benchmark(results, name) for name in names]
    return sorted(found, key=lambda content: content.get("settings", {}).get("ipc", 0))
