"""Tables about the oracle: its speed, what compiling gains, how well the proxies agree with it."""

from __future__ import annotations

from pathlib import Path

from analysis.tables.benchmarks import benchmark, benchmarks
from reproduce.support.table import Code, Table

# Ways to run a plain loop over single networks, and the name of `score_many` beside them.
PEERS = ("plain, 1 thread", "plain, all threads", "plain, a process a core")
OURS = "ours"
TRAINED = ("conv", "conv-shift1")


def speed(results: Path) -> Table:
    """`score_many` against the fastest way to run a plain loop on the same cores."""
    rows = []
    content = benchmark(results, "oracle")
    for case in content["cases"]:
        seconds = case["seconds_per_network"]
        rows.append(
            [
                Code(case["protocol"]),
                case["ipc"],
                f"{case['networks']} x {case['epochs']} epochs, {case['images']:,} images",
                f"**{case['ratio']:.1f}**",
                *(f"{seconds[way]:.3g}" for way in (*PEERS, OURS)),
                f"{case['candidates_per_minute']:.0f}",
                f"{case['gflops']:.0f} ({100 * case['share_of_peak']:.0f} %)",
            ]
        )
    taken = [f"{way} s" for way in (*PEERS, OURS)]
    head = ["protocol", "ipc", "networks", "ratio", *taken, "candidates / minute"]
    return Table([*head, "GFLOP/s (of peak)"], rows)


def ratios(results: Path) -> Table:
    """How many times faster than the fastest plain loop `score_many` is, protocol by protocol."""
    rows = []
    for case in benchmark(results, "oracle")["cases"]:
        seconds = f"{case['seconds_per_network'][OURS]:.3g}"
        rows.append([Code(case["protocol"]), case["ipc"], f"**{case['ratio']:.1f}**", seconds])
    return Table(["protocol", "ipc", "times faster", "seconds a network"], rows)


def essay_net(results: Path) -> Table:
    """A step and an evaluation of the essay's net: plain, grouped and compiled."""
    content = benchmark(results, "essay-net")
    names = {
        "step": f"training step on {content['batch']} images",
        "evaluation": f"evaluation of {content['images']:,} images",
    }
    rows = []
    for row in content["rows"]:
        taken, ratios = row["milliseconds"], row["ratios"]
        cells = [
            f"{taken[way]:.2f} ({ratios[way]:.1f})" if way in taken else "–"
            for way in ("plain", "grouped")
        ]
        rows.append([names[row["what"]], row["nets"], *cells, f"{taken['compiled']:.2f}"])
    head = ["what", "networks", "plain ms (ratio)", "grouped ms (ratio)", "compiled ms"]
    return Table(head, rows)


def proxies(results: Path) -> Table:
    """Rank correlations of the proxies with trained networks."""
    content = benchmark(results, "proxies")
    rows = [
        [
            Code(name),
            *("{:.2f} ± {:.2f}".format(*proxy["spearman"][protocol]) for protocol in TRAINED),
            f"{proxy['subsets_per_second_and_thread']:,.0f}",
        ]
        for name, proxy in content["proxies"].items()
    ]
    ceiling = "{:.2f} ± {:.2f}".format(*content["conv_against_conv_shift1"])
    rows.append(["`conv` itself", "–", ceiling, "–"])
    return Table(["proxy", *map(Code, TRAINED), "subsets / second / thread"], rows)


def scaling(results: Path) -> Table:
    """Seconds and memory as work grows: of scores, and of a search at its beginning and end."""
    rows = []
    for content in benchmarks(results, "scaling"):
        for row in content["rows"]:
            each = row["seconds"] / row["candidates"]
            sizes = [row["candidates"], row["ipc"], row["workers"]]
            rows.append([row["what"], *sizes, *_taken(row["seconds"], each, row["mib"])])
        workers = max(row["workers"] for row in content["rows"])
        for one in content["searches"]:
            curve = one["curve"]
            for place in dict.fromkeys((len(curve) // 4, len(curve) // 2, len(curve) - 1)):
                sets, seconds, mib = curve[place]
                name = f"search, {one['method']}"
                rows.append([name, sets, 1, workers, *_taken(seconds, seconds / sets, mib)])
    head = ["what grows", "sets", "images per class", "workers"]
    return Table([*head, "seconds", "milliseconds / set", "MiB"], rows)


def _taken(seconds: float, each: float, mib: float) -> list[str]:
    return [f"{seconds:.1f}", f"{1000 * each:,.0f}", f"{mib:,.0f}"]
