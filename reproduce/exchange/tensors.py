"""Files of tensors, as Dataset Condensation and Matching Training Trajectories save their sets.

`dc`: `{"data": [[images, labels], ...], ...}`, a pair for each run (Zhao et al. 2021). `mtt`: the
images in one file and the labels in another (Cazenavette et al. 2022). Images are normalised, and
neither file says how; a `dc` file of ours has `mean` and `std`, too, which others pass over.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.exchange.published import Published, checked
from reproduce.support import tensor_file
from reproduce.support.files import write_whole
from reproduce.support.schema import Number

ENDING = ".pt"
WHAT = "tensors"
LIST = "no list of pairs of images and labels under 'data'"


def read(path: Path, labels: Path | None = None, which: int | None = None) -> Published:
    """A set of either layout.

    Parameters
    ----------
    path : Path
    labels : Path or None
        Of `mtt`, the file of the labels. None: `labels...pt` beside `images...pt`.
    which : int or None
        Of `dc`, the position of the set among several.

    Raises
    ------
    UserError
        When a file is damaged or of another layout, or several sets are in it and none is chosen.
    """
    content = tensor_file.read(path, WHAT)
    try:
        if isinstance(content, dict):
            if labels is not None:
                raise UserError("it holds its labels itself; leave --labels out")
            return _dc(content, which)
        if which is not None:
            raise UserError("it holds one set; leave --which out")
        return Published(*checked(content, _mtt_labels(path, labels)), "mtt")
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _dc(content: dict[Any, Any], which: int | None) -> Published:
    pairs = content.get("data")
    if not isinstance(pairs, list) or not pairs:
        raise UserError(LIST)
    if which is None and len(pairs) > 1:
        raise UserError(f"{len(pairs)} sets are in it; choose one, --which 0 to {len(pairs) - 1}")
    if not 0 <= (which or 0) < len(pairs):
        raise UserError(f"{len(pairs)} sets are in it, counted from 0; --which {which} is none")
    pair = pairs[which or 0]
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise UserError(LIST)
    said = None
    if "mean" in content or "std" in content:
        said = (
            Number(-1000, 1000).check(content.get("mean"), "mean"),
            Number(1e-6, 1000).check(content.get("std"), "std"),
        )
    return Published(*checked(*pair), "dc", said)


def _mtt_labels(path: Path, labels: Path | None) -> Any:
    if labels is None:
        name = path.name.replace("images", "labels")
        if name == path.name or not path.with_name(name).is_file():
            raise UserError("a file of images alone; name that of the labels with --labels")
        labels = path.with_name(name)
    return tensor_file.read(labels, WHAT)


def write_dc(candidate: Candidate, mean: float, std: float, path: Path) -> list[Path]:
    """Write one file in the layout of Dataset Condensation."""
    pair = list(_normalised(candidate, mean, std))
    content = {"data": [pair], "accs_all_exps": {}, "mean": mean, "std": std}
    return [write_whole(path, _saved(content))]


def write_mtt(candidate: Candidate, mean: float, std: float, folder: Path) -> list[Path]:
    """Write `images_best.pt` and `labels_best.pt` into a folder."""
    images, labels = _normalised(candidate, mean, std)
    made = {"images_best": images, "labels_best": labels}
    return [write_whole(folder / f"{name}.pt", _saved(tensor)) for name, tensor in made.items()]


def _normalised(candidate: Candidate, mean: float, std: float) -> tuple[Any, ...]:
    """Images and labels as tensors, as networks see them."""
    images, labels = candidate.tensor_dataset().tensors
    return (images - mean) / std, labels


def _saved(content: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
