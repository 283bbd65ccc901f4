"""The checkpoint of a run: one file for all of its processes, which are all at one step in it.

Beside where the run is now it holds the state that a guard would roll back to, so that a run that
was resumed rolls back as one that was not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distill import ranks
from reproduce.errors import UserError
from reproduce.training import checkpoint as checkpoints

# What comes of a checkpoint whose content is not what this version writes.
DAMAGED = (RuntimeError, LookupError, ValueError, TypeError, AttributeError)
State = dict[str, Any]  # of a run; `pool` is of one process, all else is the same in all of them


def save(path: Path, run: str, now: State, good: State) -> None:
    """Write where all processes are, from the first of them.

    Every process has to call it at the same step.

    Parameters
    ----------
    path : Path
    run : str
        What the checkpoint belongs to.
    now, good : dict
        Where the run is, and where a guard would take it back to.

    Raises
    ------
    UserError
        When the processes have not the same set any more, or the file cannot be written.
    """
    common = [{k: v for k, v in state.items() if k != "pool"} for state in (now, good)]
    parts = ranks.gathered((fingerprint(common), [now["pool"], good["pool"]]))
    if ranks.shared(len({mark for mark, _ in parts}) > 1):
        raise UserError("the processes have drifted apart; go on from the checkpoint before")
    if parts:
        state = {"now": common[0], "good": common[1], "pools": [pools for _, pools in parts]}
        checkpoints.save(path, run, state)


def load(path: Path, run: str, rank: int) -> tuple[State, State] | None:
    """Read what `save` wrote, as the first process finds it; None, in all, where nothing is.

    Raises
    ------
    UserError
        When the file is damaged or of another run; in every process.
    """
    found: State | str | None = None
    if rank == 0 and path.exists():
        try:
            found = checkpoints.load(path, run)
        except UserError as error:
            found = str(error)
    found = ranks.shared(found)
    if isinstance(found, str):
        raise UserError(found)
    if found is None:
        return None
    try:
        now, good = found["pools"][rank]
        return {**found["now"], "pool": now}, {**found["good"], "pool": good}
    except DAMAGED as error:
        raise checkpoints.damaged(path, error) from None


def fingerprint(state: Any) -> str:
    """SHA-256 of tensors, plain values and containers of them."""
    digest = hashlib.sha256()

    def take(part: Any) -> None:
        if isinstance(part, Tensor):
            digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            digest.update(part.detach().cpu().contiguous().numpy().tobytes())
        elif isinstance(part, dict):
            for key, value in part.items():
                digest.update(f"{key!r}:".encode())
                take(value)
        elif isinstance(part, list | tuple):
            for value in part:
                take(value)
        else:
            digest.update(f"{part!r};".encode())

    take(state)
    return digest.hexdigest()


def take(learned: nn.Module, state: State) -> None:
    """Set a set's parameters; ValueError where they are not finite."""
    learned.load_state_dict(state)
    if not all(parameter.isfinite().all() for parameter in learned.parameters()):
        raise ValueError("a set that is not finite")


def check_optimiser(optimiser: torch.optim.Adam) -> None:
    """ValueError where a loaded optimiser is not Adam as it is used here, of its parameters."""
    usual = torch.optim.Adam([torch.zeros(())]).param_groups[0]
    for group in optimiser.param_groups:
        if any(group[name] != usual[name] for name in usual if name not in ("lr", "params")):
            raise ValueError("settings of Adam")
    for parameter, state in optimiser.state.items():
        if set(state) != {"step", "exp_avg", "exp_avg_sq"}:
            raise ValueError("state of Adam")
        if state["step"].shape or any(
            state[name].shape != parameter.shape for name in ("exp_avg", "exp_avg_sq")
        ):
            raise ValueError("shapes of Adam's moments")
