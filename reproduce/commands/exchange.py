"""The commands `import` and `export`: sets as other projects publish them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from reproduce.candidate import Candidate
from reproduce.commands.options import DataChoice, JsonOption, configured, option
from reproduce.commands.read import class_names
from reproduce.commands.terminal import say
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.exchange import pictures, tensors
from reproduce.exchange.published import GIVE, Published
from reproduce.images.read.legible import CENTRED
from reproduce.support.files import check_writable
from reproduce.support.schema import Choice, Number, Optional, Whole, check_fields
from reproduce.support.text import checked_name

LAYOUTS = ("dc", "mtt", "png")
MEAN_HELP = "Mean by which images are normalised, (pixel - mean) / std."
STD_HELP = "Standard deviation by which they are."
MEAN, STD = Number(-1000, 1000), Number(1e-6, 1000)


@dataclass(frozen=True)
class Given:
    """What the user says of a published set, which its files may leave open."""

    mean: float | None = option(None, MEAN_HELP, Optional(MEAN))
    std: float | None = option(None, STD_HELP, Optional(STD))
    labels: Path | None = option(
        None, "Of images_*.pt: the file of labels. Default: labels_*.pt beside it."
    )
    which: int | None = option(
        None, "Which of several sets in the file, from 0.", Optional(Whole(0, 10**6))
    )
    label_scale: str | None = option(
        None,
        "What soft labels are: probability or score.",
        Optional(Choice(("probability", "score"))),
    )
    dark_ink: bool | None = option(
        None, "Of pictures: whether ink is dark on white.", flag="--dark-ink/--light-ink"
    )

    def __post_init__(self) -> None:
        check_fields(self, "import")

    def read(self, place: Path, data: Dataset) -> Published:
        """The set in a file or folder; options without effect there are refused."""
        if place.is_dir():
            self._refuse(place, "folder of pictures", ("dark_ink",))
            return pictures.read(place, data, data.name in CENTRED, self.dark_ink)
        self._refuse(place, "file of tensors", tuple(asdict(self).keys() - {"dark_ink"}))
        return tensors.read(place, self.labels, self.which)

    def _refuse(self, place: Path, kind: str, taken: tuple[str, ...]) -> None:
        for name, value in asdict(self).items():
            if value is not None and name not in taken:
                flag = name.replace("_", "-")
                raise UserError(f"{place}: --{flag} has no effect on a {kind}; leave it out")


@configured
def import_(
    choice: DataChoice,
    given: Given,
    place: Annotated[
        Path,
        typer.Argument(
            help="A file of Dataset Condensation (res_*.pt), one of images as Matching Training "
            "Trajectories saves it (images_best.pt), or a folder with a folder of pictures for "
            "each class."
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the candidate.")] = "imported",
    out: Annotated[
        Path | None, typer.Option(help="Candidate file to write. Default: runs/NAME.npz.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a candidate of a set that others published, or of a folder of pictures.

    Tensors are normalised, and most files do not say how: give --mean and --std. Pictures of
    another size than the data's are inverted where ink is dark, scaled, and centred.
    """
    target = out or Path("runs") / f"{checked_name(name)}.npz"
    check_writable(target)
    data = choice.open()
    found = given.read(place, data)
    try:
        candidate = found.candidate(data, name, (given.mean, given.std), given.label_scale)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    candidate.save(target)
    if as_json:
        print(json.dumps({**candidate.meta(), "file": str(target)}))
        return
    low, high = candidate.images.min(), candidate.images.max()
    lines = [f"{target}: {len(candidate)} images, pixels from {low:.3g} to {high:.3g}"]
    lines += [f"Done to the pictures: {found.done}"] if found.done else []
    lines += [f"Next: supertrainer score {target} --protocol convnet"]
    say("\n".join(lines))


def export(
    file: Annotated[Path, typer.Argument(help="A candidate file.")],
    to: Annotated[
        str,
        typer.Option(
            help="dc: one file as Dataset Condensation has it; mtt: images_best.pt and "
            "labels_best.pt; png: a folder of pictures for each class."
        ),
    ] = "dc",
    mean: Annotated[float | None, typer.Option(help=MEAN_HELP)] = None,
    std: Annotated[float | None, typer.Option(help=STD_HELP)] = None,
    lossy: Annotated[
        bool,
        typer.Option(help="Of png: cut pixels to 0..1, and make soft labels hard."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="File or folder. Default: runs/NAME.pt, or runs/NAME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a candidate as others publish their sets: as tensors, or as a folder of pictures.

    Tensors are normalised by --mean and --std, by default those of the recipe in the file. A
    recipe itself has no place in these layouts.
    """
    layout = Choice(LAYOUTS).check(to, "--to")
    candidate = Candidate.load(file)
    target = out or Path("runs") / (f"{file.stem}.pt" if layout == "dc" else file.stem)
    if layout == "png":
        if mean is not None or std is not None:
            raise UserError("--mean and --std are for tensors; a picture holds pixels")
        written, said = _pictures(candidate, target, lossy)
    else:
        if lossy:
            raise UserError("--lossy is for --to png; tensors hold everything")
        mean, std = _normalisation(candidate, mean, std)
        write = tensors.write_dc if layout == "dc" else tensors.write_mtt
        written, said = write(candidate, mean, std, target), f"normalised by {mean:g} and {std:g}"
    if as_json:
        print(json.dumps({"files": [str(path) for path in written], "said": said}))
        return
    say(f"{target}: {len(written)} files" + (f"; {said}" if said else ""))
    if candidate.recipe:
        say("Left out: the recipe, by which `--protocol own` trains networks.")


def _pictures(candidate: Candidate, target: Path, lossy: bool) -> tuple[list[Path], str]:
    lost = pictures.lost(candidate)
    if lost and not lossy:
        raise UserError(f"{candidate.name!r}: {lost}; give --lossy to allow it, or --to dc")
    return pictures.write(candidate, class_names(candidate), target), lost


def _normalisation(
    candidate: Candidate, mean: float | None, std: float | None
) -> tuple[float, float]:
    recipe = candidate.recipe
    mean = recipe.mean if mean is None and recipe else mean
    std = recipe.std if std is None and recipe else std
    if mean is None or std is None:
        raise UserError(f"the set carries no recipe; {GIVE}")
    return MEAN.check(mean, "--mean"), STD.check(std, "--std")
