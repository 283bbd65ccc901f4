"""The checkpoint of a run: one file for all processes, which stand at the same step in it.

Beside where the run is now it holds the state that a roll-back would return to, so that a resumed
run rolls back as an uninterrupted one does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distill import ranks
from reproduce.errors import UserError
from reproduce.support.files import check_writable
from reproduce.training import checkpoint

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
        Where the run is, and where a roll-back would take it.

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
        checkpoint.save(path, run, state)


def resume(path: Path, run: str, rank: int, take: Callable[[State], None]) -> State | None:
    """Take up what `save` wrote, as the first process finds it.

    Parameters
    ----------
    path, run
        As for `save`.
    rank : int
        Of this process.
    take : callable
        Sets the run's state.

    Returns
    -------
    dict or None
        Where a roll-back would take the run; None, in all processes, where the file does not
        exist.

    Raises
    ------
    UserError
        When the file is damaged or of another run; in every process.
    """
    found = _found(path, run, rank)
    if found is None:
        return None
    try:
        pools = found["pools"][rank]
        now, good = (
            {**found[name], "pool": pool} for name, pool in zip(("now", "good"), pools, strict=True)
        )
        take(good)  # proves it sound
        take(now)
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError, UserError) as error:
        raise checkpoint.damaged(path, error) from None
    return good


def check(path: Path, run: str, rank: int) -> None:
    """Raise UserError, in every process, where the first can neither go on from a file nor save."""
    _found(path, run, rank)


def _found(path: Path, run: str, rank: int) -> State | None:
    found = ranks.shared(_read(path, run) if rank == 0 else None)
    if isinstance(found, str):
        raise UserError(found)
    return found


def _read(path: Path, run: str) -> State | str | None:
    """The file's state, or why there is none; None where there is no file."""
    try:
        check_writable(path)
        return checkpoint.load(path, run) if path.exists() else None
    except UserError as error:
        return str(error)


def fingerprint(state: Any) -> str:
    """SHA-256 of tensors, plain values and containers of them."""
    digest = hashlib.sha256()

    def count(part: Any) -> None:
        if isinstance(part, Tensor):
            digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            digest.update(part.detach().cpu().contiguous().numpy().tobytes())
        elif isinstance(part, dict):
            count(list(part.items()))
        elif isinstance(part, list | tuple):
            for value in part:
                count(value)
        else:
            digest.update(f"{part!r};".encode())

    count(state)
    return digest.hexdigest()


def load_set(synthetic: nn.Module, state: State) -> None:
    """Set a set's parameters; ValueError where they are not finite."""
    synthetic.load_state_dict(state)
    if not all(parameter.isfinite().all() for parameter in synthetic.parameters()):
        raise ValueError("a set that is not finite")


def load_optimiser(optimiser: torch.optim.Adam, state: State) -> None:
    """Set Adam's state; ValueError where it is not of Adam as used here, of these parameters."""
    optimiser.load_state_dict(state)
    usual = torch.optim.Adam([torch.zeros(())]).param_groups[0]
    for group in optimiser.param_groups:
        if any(group[name] != usual[name] for name in usual if name not in ("lr", "params")):
            raise ValueError("settings of Adam")
    for parameter, of in optimiser.state.items():
        shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        if {name: tensor.shape for name, tensor in of.items()} != shapes:
            raise ValueError("state of Adam")
