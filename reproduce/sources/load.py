"""Loading a dataset by its name or its path."""

from __future__ import annotations

from pathlib import Path

from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.known import NAMES, STANDARD
from reproduce.sources.own import own
from reproduce.sources.standard import digits, standard
from reproduce.support.schema import SEED


def load(
    name: str = "mnist",
    data: Path | str | None = None,
    split_seed: int = 0,
    invert: bool | None = None,
) -> Dataset:
    """Load a dataset by name or path.

    Parameters
    ----------
    name : str
        `mnist`, `fashion`, `digits` (scikit-learn's, bundled), or the path of own data: a `.npz`
        with `images` and `labels`, a folder of class folders, or an IDX image file with its
        label file beside it.
    data : path, optional
        Folder with torchvision's layout for mnist and fashion. Else `$SUPERTRAINER_DATA`, else
        `./data`, else they are downloaded into `./data`.
    split_seed : int
        Own data and digits are shuffled with this seed, 0 or above, and cut 5 : 1 : 1, as MNIST
        is.
    invert : bool, optional
        Own data: True for dark ink on white paper, False for light ink on black. Without it,
        images that look like dark ink on white are refused.

    Raises
    ------
    UserError
        When there is nothing to load, it is damaged, or an argument is given that the data takes
        nothing from; the message says what to do.
    """
    split_seed = SEED.check(split_seed, "split seed")
    if not name:
        raise UserError(f"the dataset's name is empty; use {NAMES} or a path")
    is_standard = name in STANDARD
    if data and not is_standard:
        raise UserError(
            f"--data is the folder of {' and '.join(STANDARD)}, and {name} is none of these; "
            "leave it out"
        )
    if split_seed and is_standard:
        raise UserError(f"{name} has splits of its own; leave --split-seed out")
    if invert and (is_standard or name == "digits"):
        raise UserError(f"{name} has light ink on black; leave --invert out")
    if is_standard:
        return standard(name, data)
    if name == "digits":
        return digits(split_seed)
    return own(Path(name), split_seed, invert)
