"""The rooms of the house: which package, and which part of a package, may import which."""

from __future__ import annotations

from tests.imports import modules

# What each package may import, beside itself.
BELOW: dict[str, set[str]] = {
    "reproduce": set(),
    "search": {"reproduce"},
    "distill": {"reproduce"},
    "analysis": {"reproduce"},
    "benchmarks": {"reproduce", "search", "distill", "analysis"},
    "supertrainer": {"reproduce"},
    "supertrainer_demo": {"reproduce", "search", "distill", "analysis"},
    "supertrainer_lists": {"reproduce", "search", "distill"},
    "supertrainer_final": {"reproduce", "search", "distill"},
}
# The rooms of each package, lowest first: a room imports from itself and from those before it.
ROOMS = {
    "reproduce": (
        *("errors", "support", "images", "recipe", "networks", "training", "records"),
        *("candidate", "known", "data", "summary", "duel", "sources", "exchange", "transfer"),
        *("scoring", "protocols", "trained", "oracle", "predictions", "essay", "commands"),
    ),
    "search": (
        *("pool", "seeds", "finalists", "proxy", "methods", "own", "start_sets", "cheap"),
        *("config", "task", "trials", "storage", "queue", "scorer", "study", "rivals"),
        *("halving", "bill", "command", "look"),
    ),
    "distill": (
        "trained_mlp",
        *("surrogates", "starts", "config", "frames", "schedule", "validation", "ranks"),
        *("progress", "checkpoint", "synthetic", "guard", "panel", "convert", "inner"),
        *(
            "objectives",
            "methods",
            "reference",
            "options",
            "distiller",
            "estimate",
            "history",
            "command",
        ),
    ),
    "analysis": (
        *("formats", "histories", "sources", "results", "statistics", "measure"),
        *("again", "origins", "tables", "figures", "page", "command"),
    ),
    "benchmarks": ("rows", "speed", "compare"),
}
WIDTH = 96  # of the picture, in characters


def package_of(module: str) -> str:
    """The package of a module, or the module itself where it lies in none."""
    return module.split(".")[0]


def room_of(module: str) -> str:
    """The file or folder of its package that a module is or lies in; a package itself: empty."""
    return module.split(".")[1] if "." in module else ""


def picture() -> str:
    """All packages and their rooms, in boxes: each imports what stands below it."""
    commands = [f"{name}.py" for name in BELOW if name.startswith("supertrainer")]
    column = (WIDTH - 4) // 3
    columns = [box(name, labels(name), column) for name in ("analysis", "search", "distill")]
    tall = max(map(len, columns))
    columns = [[" " * column] * (tall - len(lines)) + lines for lines in columns]
    across = [
        "   ".join(labels("reproduce")[n : n + 7]) for n in range(0, len(ROOMS["reproduce"]), 7)
    ]
    lines = [
        *box("the one command", ["   ".join(commands)], WIDTH),
        *("  ".join(row) for row in zip(*columns, strict=True)),
        *box("reproduce", across, WIDTH),
    ]
    return "\n".join(lines)


def labels(package: str) -> list[str]:
    """The rooms of a package, highest first; folders end in a slash."""
    folders = {
        room_of(module)
        for module in modules()
        if module.startswith(f"{package}.") and module.count(".") > 1
    }
    return [f"{room}/" if room in folders else f"{room}.py" for room in reversed(ROOMS[package])]


def box(title: str, lines: list[str], width: int) -> list[str]:
    """Lines of text in a frame that bears the title."""
    inside = width - 4
    return [
        f"┌─ {title} {'─' * (inside - len(title) - 1)}┐",
        *(f"│ {line:<{inside}} │" for line in lines),
        f"└{'─' * (width - 2)}┘",
    ]
