"""The one command: demo, reproduce, search, distill, score, final, analyse, report, show, ..."""

from __future__ import annotations

from reproduce.support.processes import importing

# What is called is imported, and no more: PyTorch, Optuna and scikit-learn take seconds.
COMMANDS = {
    "supertrainer_demo:demo": (
        "Run the whole pipeline in a few minutes: reproduce, search, distil, score, report."
    ),
    "reproduce.commands.reproduce:reproduce": (
        "Run the essay's experiments and set ours beside the published numbers."
    ),
    "search.command:search": (
        "Search a real subset that trains well, then re-score it on fresh seeds and images."
    ),
    "search.look:study": "Show how far a search has come, its best sets, and its curve of scores.",
    "distill.command:distill": (
        "Distil a synthetic set, then score it on the half of validation that chose nothing."
    ),
    "reproduce.commands.score:score": (
        "Score candidate files with the oracle and show every accuracy, or their mean."
    ),
    "reproduce.commands.read:read": "Read your own images with a network that learned a candidate.",
    "reproduce.commands.exchange:import_": (
        "Make a candidate of a set that others published, or of a folder of pictures."
    ),
    "reproduce.commands.exchange:export": (
        "Write a candidate as others publish their sets: as tensors, or as a folder of pictures."
    ),
    "supertrainer_lists:protocols": (
        "List the protocols: the learners of `score`, `search` and `distill --for`."
    ),
    "supertrainer_lists:methods": (
        "List the methods of `search` and `distill`, and the recipes that a distilled set carries."
    ),
    "supertrainer_final:final": (
        "Score super-trainers beside means, simple rules, the essay's draws and random sets."
    ),
    "analysis.measure.commands:analyse": (
        "Measure what a set's accuracy depends on, what its networks confuse, and near images."
    ),
    "analysis.measure.commands:embed": (
        "Map candidates among the training images by t-SNE; the map replaces the previous one."
    ),
    "analysis.measure.commands:random_curve": (
        "Measure accuracy against the number of random real images, for `equivalent n`."
    ),
    "analysis.command:report": "Write one self-contained page of everything that lies in results.",
    "analysis.command:show": (
        "Show one candidate: its images, its labels, and where it comes from; and write a PNG."
    ),
    "analysis.command:compare": (
        "Compare two candidates over shared seeds, by Student's paired test."
    ),
}


def main() -> None:
    """Entry point of `supertrainer`."""
    with importing():
        from reproduce.commands.application import later, run
    run(later(COMMANDS, "Tiny training sets: search, distil and score them."), "supertrainer")


if __name__ == "__main__":
    main()
