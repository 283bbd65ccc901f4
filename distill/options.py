"""Which options go together: an option is obeyed or refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from distill import methods
from distill.config import RECIPES, DistillConfig
from distill.objectives.networks import NetworkObjective, learning_steps
from distill.panel import Member, resizable
from reproduce.data import Dataset
from reproduce.errors import UserError

SPECIFIC = ("window", "smooth", "bf16")  # objectives name those of them that they obey
LEARNING = (
    *("steps", "minutes", "nets", "pool", "stride", "reuse", "batch", "image_lr", "cool", "ema"),
    *(
        "start",
        "learn",
        "checks",
        "memory",
        "weights",
        "bounded",
        "faint",
        "blur",
        "distort",
        *SPECIFIC,
    ),
)


OWN = ("width", "depth", "widen", "frame", "inner_steps", "inner_lr", "known_init")  # of recipes


def check(config: DistillConfig, data: Dataset, panel: Sequence[Member]) -> None:
    """Refuse options without effect, and impossible batches.

    Parameters
    ----------
    config : DistillConfig
        As the user gave it, with None for what the method decides.
    data : Dataset
    panel : sequence of Member
        The learners that the set is made for.

    Raises
    ------
    UserError
    """
    refused = (_by_method, _by_pool, _by_panel)
    for option, reason in (found for rule in refused for found in rule(config, panel)):
        if option == "protocols" and config.protocols:
            raise UserError(f"--for {','.join(config.protocols)}: {reason}")
        if config.is_set(option):
            raise UserError(f"--{option.replace('_', '-')} has no effect: {reason}")
    if config.weights and len(config.weights) != len(panel):
        raise UserError(f"--weights has {len(config.weights)} shares for {len(panel)} learners")
    if config.batch is not None:
        for stage in methods.find(config.method).stages:
            for kind in stage.objectives:
                kind.check_batch(config.batch, data)


def _by_method(config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """Options that the method does not use, each with the reason."""
    method = methods.find(config.method)
    objectives = {stage.kind(member): None for stage in method.stages for member in panel}
    if not objectives:
        yield from ((option, f"{config.method} learns nothing") for option in LEARNING)
        if config.ipc == 1:
            yield "seed", f"{config.method} of one image a class draws nothing at random"
        return
    obeyed = {option for objective in objectives for option in objective.OBEYS}
    for option in SPECIFIC:
        if option not in obeyed:
            yield option, f"method {config.method} does not use it"
    networks = [member for member in panel if member.recipe]
    if len(networks) < len(panel) and not method.surrogates:
        yield "protocols", f"{config.method} needs networks that are trained on the set"
    if networks and not method.networks:
        yield "protocols", f"{config.method} is for learners that train no network; use krr"
    if not networks:
        yield from ((option, "no learner of --for is a network") for option in ("nets", *obeyed))
    for objective in objectives:
        yield from objective.refused(config, panel)


def _by_pool(config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """Settings of the pool where all networks are always new, and windows that are too long."""
    stages, lengths = methods.find(config.method).stages, []
    for number, stage in enumerate(stages):
        filled = methods.filled(config, number)
        for member in panel:
            kind = stage.kind(member)
            if member.recipe and issubclass(kind, NetworkObjective):
                steps = learning_steps(member.recipe, config.ipc * member.classes)
                youngest, oldest = kind.ages(filled, steps)
                if youngest < oldest:
                    return
                lengths.append(steps)
    if lengths and (config.window or 0) > max(lengths):
        yield "window", f"networks are trained for only {max(lengths)} steps"
    if stages:
        reason = "here every network is new; a pool goes with krr, with unroll --window, or with dc"
        yield from ((option, reason) for option in ("pool", "stride"))


def _by_panel(config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """Options that the learners override."""
    hard = [member.name for member in panel if member.hard]
    if hard and config.learn in ("both", "labels"):
        yield "learn", f"the labels of {', '.join(hard)} are hard"
    if not any(member.name in RECIPES for member in panel):
        sized = any(member.recipe and resizable(member.recipe) for member in panel)
        own = [option for option in OWN if not (sized and option in ("width", "depth"))]
        reason = f"it is for recipes that a set carries: {', '.join(RECIPES)}"
        yield from ((option, reason) for option in own)
    if config.learn == "labels":
        yield "blur", "only labels are learned"
    if len(panel) == 1:
        yield "weights", "one learner gets all updates"
    if config.known_init is not None:
        yield "widen", "a wider network has another initialisation than the known one"
