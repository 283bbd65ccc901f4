"""A candidate's file is read as it was written, or refused in one line."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Candidate, Recipe, UserError
from reproduce.candidate import LATER
from reproduce.images.distortion import Distortion
from reproduce.support import archive, candidate_file
from tests.mutation import altered, archives, damaged, deep, npy, refused_or, zipped

ROOT = Path(__file__).parents[3]
BASE = {"name": "t", "method": "test", "dataset": "none", "checksum": "0" * 16}
RNG = np.random.default_rng(0)
REAL = Candidate(
    images=RNG.random((3, 1, 4, 5)),
    labels=np.array([0, 1, 2]),
    indices=np.array([5, 6, 9]),
    classes=3,
    class_names=("a", "b", "c"),
    path="own/data",
    split_seed=3,
    role="searched",
    chosen_on="validation-a",
    made_for=("conv",),
    draw="table",
    seeds=(1, 2),
    **BASE,
)
SYNTHETIC = Candidate(
    images=RNG.normal(size=(4, 1, 3, 3)),
    labels=RNG.normal(size=(4, 2)),
    label_scale="score",
    classes=2,
    recipe=Recipe(
        model="convnet",
        schedule="list",
        learning_rates=(0.1, 1 / 3),
        epochs=2,
        augment="distort",
        distortion=Distortion(rotate=10),
    ),
    **BASE,
)
SETS = (REAL, SYNTHETIC)


def content(candidate: Candidate) -> bytes:
    return candidate_file.packed(arrays(candidate), candidate.meta())


def arrays(candidate: Candidate) -> dict[str, np.ndarray]:
    there = {"images": candidate.images, "labels": candidate.labels}
    return there if candidate.indices is None else {**there, "indices": candidate.indices}


def members(candidate: Candidate, digest: bool = True) -> dict[str, np.ndarray]:
    """All arrays of the file, meta among them; of an earlier version's, without a digest."""
    meta = candidate.meta() | {"digest": candidate.digest}
    if not digest:
        meta = {name: meta[name] for name in meta if name not in LATER}
    return {**arrays(candidate), "meta": np.array(json.dumps(meta))}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("candidates") / "c.npz"


def load(file: Path, whole: bytes) -> Candidate:
    file.write_bytes(whole)
    return Candidate.load(file)


@pytest.mark.fuzz
@given(data=st.data(), made=st.sampled_from(SETS))
def test_a_damaged_file_is_refused_or_reads_as_before(
    file: Path, data: st.DataObject, made: Candidate
) -> None:
    whole = data.draw(damaged(content(made)) | archives(members(made)))
    assert refused_or(lambda: load(file, whole)) in (None, made)


@pytest.mark.fuzz
@given(data=st.data(), made=st.sampled_from(SETS))
def test_an_earlier_file_without_digest_is_held_to_its_hash(
    file: Path, data: st.DataObject, made: Candidate
) -> None:
    whole = data.draw(archives(members(made, digest=False)))
    read = refused_or(lambda: load(file, whole))
    assert read is None or read.hash == made.hash


@pytest.mark.fuzz
@given(data=st.data(), made=st.sampled_from(SETS))
def test_altered_meta_is_refused_or_sound(file: Path, data: st.DataObject, made: Candidate) -> None:
    """With a digest that fits: as somebody writes a file who knows how."""
    meta = data.draw(altered(made.meta()))
    read = refused_or(lambda: load(file, candidate_file.packed(arrays(made), meta)))
    if read is not None:
        assert read.hash == made.hash
        assert Candidate.load(read.save(file)) == read


def with_meta(made: Candidate, **changes: Any) -> bytes:
    return candidate_file.packed(arrays(made), {**made.meta(), **changes})


def without(made: Candidate, *names: str) -> bytes:
    kept = {name: value for name, value in made.meta().items() if name not in names}
    return candidate_file.packed(arrays(made), kept)


def lying(size: int) -> bytes:
    """An archive whose directory says that the images unpack to `size` bytes; they do not."""
    whole = bytearray(content(REAL))
    entry = whole.index(b"PK\x01\x02")
    whole[entry + 24 : entry + 28] = size.to_bytes(4, "little")
    return bytes(whole)


def headed(descr: str, shape: str) -> bytes:
    """Images whose header says other things than what follows."""
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    array = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(240)
    return zipped({"images.npy": array})


WHOLE = content(REAL)
OBJECTS = np.array([{}], dtype=object)
HOSTILE = {
    "empty": (b"", "not a readable candidate file"),
    "text": (b"hello", "not a readable candidate file"),
    "an array alone": (npy(np.zeros(3)), "not a readable candidate file"),
    "cut in half": (WHOLE[: len(WHOLE) // 2], "not a readable candidate file"),
    "an archive of nothing": (zipped({}), "no meta"),
    "other arrays": (zipped({"x.npy": npy(np.zeros(3))}), "holds 'x.npy', and may hold images"),
    "a text in the archive": (zipped({"notes.txt": b"x"}), "holds 'notes.txt'"),
    "a path that leads up": (zipped({"../images.npy": npy(np.zeros(3))}), "holds '../images.npy'"),
    "an escape for a name": (zipped({"\x1b[2Jx.npy": b""}), r"holds '\\x1b\[2Jx.npy'"),
    "images twice": (
        zipped([("images.npy", npy(REAL.images)), ("images.npy", npy(REAL.images))]),
        "holds images twice",
    ),
    "pickled images": (zipped({"images.npy": npy(OBJECTS)}), "holds pickled objects"),
    "a directory that lies upward": (lying(2**31), "unpacks to 2,147,483,648 bytes"),
    "a directory that lies": (lying(300), "not a readable candidate file"),
    "a header that lies": (headed("<f4", "(30000, 1, 256, 256)"), "not a readable candidate file"),
    "a negative shape": (headed("<f4", "(-3, 1, 4, 5)"), "not a readable candidate file"),
    "a shape that is code": (headed("<f4", "(exit(), 1)"), "not a readable candidate file"),
    "no indices though its digest knows some": (
        zipped({f"{n}.npy": npy(a) for n, a in members(REAL).items() if n != "indices"}),
        "content does not match its digest",
    ),
    "other indices": (
        zipped({f"{n}.npy": npy(a) for n, a in {**members(REAL), "indices": np.arange(3)}.items()}),
        "content does not match its digest",
    ),
    "meta that is no text": (
        zipped({"meta.npy": npy(np.zeros(3)), "images.npy": npy(REAL.images)}),
        "no meta, or one that is not JSON",
    ),
    "meta that is nested deeply": (
        zipped({"meta.npy": npy(np.array(deep()))}),
        "no meta, or one that is not JSON",
    ),
    "meta of what are no characters": (
        zipped({"meta.npy": npy(np.array([2**31], "<u4").view("<U1").reshape(()))}),
        "not a readable candidate file",
    ),
    "meta that is a list": (zipped({"meta.npy": npy(np.array("[]"))}), "its meta does not say"),
    "NaN in meta": (zipped({"meta.npy": npy(np.array('{"a": NaN}'))}), "not JSON"),
    "no hash": (without(REAL, "hash"), "lacks hash"),
    "no command and no versions": (without(REAL, "command", "versions"), "lacks command, versions"),
    "another hash": (with_meta(REAL, hash="0" * 16), "content does not match its hash"),
    "a hash that is a list": (with_meta(REAL, hash=[]), "content does not match its hash"),
    "another normalisation": (
        with_meta(SYNTHETIC, normalisation={"mean": 0, "std": 1}),
        "content does not match its normalisation",
    ),
    "dataset that is a number": (with_meta(REAL, dataset=5), "dataset is 5, it must be a text"),
    "name that is a list": (with_meta(REAL, name=["a"]), r"name is \['a'\], it must be a text"),
    "name with an escape": (with_meta(REAL, name="a\x1b[31m"), "leave the unprintable characters"),
    "name with half a character": (with_meta(REAL, name="\ud800"), "leave the unprintable"),
    "name of a novel's length": (with_meta(REAL, name="x" * 9999), "name has 9999 characters"),
    "no name": (with_meta(REAL, name=""), "name has 0 characters"),
    "classes that are text": (with_meta(REAL, classes="3"), "classes is '3', use a whole number"),
    "classes that are true": (with_meta(REAL, classes=True), "classes is True, use a whole number"),
    "classes without end": (with_meta(REAL, classes=10**30), "use a whole number from 2 to 10,000"),
    "seeds that are a number": (with_meta(REAL, seeds=3), "seeds is 3, use a list"),
    "seeds that are negative": (with_meta(REAL, seeds=[-1]), "seeds is -1, use a whole number"),
    "seeds that are text": (with_meta(REAL, seeds="12"), "seeds is '12', use a list"),
    "a draw that is none": (with_meta(REAL, draw="third"), "draw is 'third', use one of table"),
    "versions that are a list": (with_meta(REAL, versions=[1]), "versions is .* named values"),
    "a class name too few": (with_meta(REAL, class_names=["a"]), "1 class names, 3 classes"),
    "class names with markup": (with_meta(REAL, class_names=["a", "b", "\x00"]), "unprintable"),
    "a recipe that is a list": (with_meta(SYNTHETIC, recipe=[1]), "recipe is .*, use an object"),
    "deskew of 1.5": (
        with_meta(SYNTHETIC, recipe={"deskew": 1.5}),
        "recipe: deskew is 1.5, use true or false",
    ),
    "negative weight decay": (
        with_meta(SYNTHETIC, recipe={"weight_decay": -1e9}),
        "recipe: weight_decay is .*, use a number from 0",
    ),
    "a trillion epochs": (
        with_meta(SYNTHETIC, recipe={"epochs": 10**12}),
        "recipe: epochs is 1000000000000, use a whole number",
    ),
    "a width of 0": (with_meta(SYNTHETIC, recipe={"width": 0}), "recipe: width is 0, use a whole"),
    "a billion layers": (
        with_meta(SYNTHETIC, recipe={"depth": 10**9}),
        "recipe: depth is 1000000000, use a whole number from 1 to 64",
    ),
    "shifts beyond the image": (
        with_meta(SYNTHETIC, recipe={"shifts": 3}),
        r"recipe: shifts by 3 pixels leave nothing of \(3, 3\)",
    ),
    "a network larger than machines": (
        with_meta(SYNTHETIC, recipe={"model": "mlp", "width": 4096, "depth": 64, "ensemble": 99}),
        r"recipe: one replicate takes about 1,\d\d\d GiB",
    ),
    "an unknown setting": (with_meta(SYNTHETIC, recipe={"\x1b": 1}), "recipe: unknown fields"),
    "a distortion that is text": (
        with_meta(SYNTHETIC, recipe={"distortion": "all"}),
        "distortion is 'all', use an object with named fields",
    ),
}


@pytest.mark.parametrize(("whole", "line"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_in_one_line(tmp_path: Path, whole: bytes, line: str) -> None:
    file = tmp_path / "c.npz"
    with pytest.raises(UserError, match=line) as caught:
        load(file, whole)
    assert str(caught.value).startswith(f"{file}: ")
    assert refused_or(lambda: load(file, whole)) is None


@pytest.mark.parametrize("name", ["missing.npz", ".", "\x00"])
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    assert refused_or(lambda: Candidate.load(tmp_path / name)) is None


@pytest.mark.parametrize("limit", [10**6, 10**9])
def test_no_more_is_unpacked_than_the_headers_allow(limit: int) -> None:
    """100 MB of zeros behind three images: too large by the directory, or by their own header."""
    bomb = zipped({"images.npy": npy(REAL.images) + bytes(10**8)})
    tracemalloc.start()
    assert refused_or(lambda: archive.unpacked(bomb, {"images": limit})) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


def test_earlier_files_are_read_and_a_digest_cannot_be_taken_out(tmp_path: Path) -> None:
    for made in SETS:
        assert load(tmp_path / "c.npz", content(made)) == made
        earlier = members(made, digest=False)
        read = load(tmp_path / "c.npz", zipped({f"{n}.npy": npy(a) for n, a in earlier.items()}))
        assert read.hash == made.hash
        assert (read.role, read.chosen_on, read.made_for, read.path) == ("given", None, (), "")
        stripped = {**earlier, "meta": np.array(json.dumps(made.meta()))}
        with pytest.raises(UserError, match="lacks digest"):
            load(tmp_path / "c.npz", zipped({f"{n}.npy": npy(a) for n, a in stripped.items()}))


TRACKED = sorted((ROOT / "results").rglob("*.npz"))


@pytest.mark.parametrize("path", TRACKED, ids=lambda path: path.stem)
def test_sets_in_results_keep_their_hashes(path: Path, tmp_path: Path) -> None:
    with np.load(path, allow_pickle=False) as file:
        meta = json.loads(str(file["meta"]))
    read = Candidate.load(path)
    assert (read.hash, read.digest) == (meta["hash"], meta["digest"])
    assert Candidate.load(read.save(tmp_path / "again.npz")) == read
