"""Makers of own data, whole and with something wrong, for the tests that read it."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.mutation import npy, zipped

N = 70
LABELS = np.arange(N) % 2
ROWS = np.eye(2, dtype=np.uint8)[LABELS]


def images() -> np.ndarray:
    """Light ink on a black border: bytes (70, 6, 7)."""
    made = np.zeros((N, 6, 7), np.uint8)
    made[:, 1:5, 1:6] = np.random.default_rng(1).integers(0, 256, (N, 4, 5))
    return made


def npz(pixels: Any = None, labels: Any = LABELS, **more: Any) -> Callable[[Path], Path]:
    """A maker of a `.npz` with these arrays."""

    def make(folder: Path) -> Path:
        arrays = {"images": images() if pixels is None else pixels, "labels": labels, **more}
        arrays = {name: npy(np.asarray(v)) for name, v in arrays.items() if v is not False}
        path = folder / "own.npz"
        path.write_bytes(zipped({f"{name}.npy": content for name, content in arrays.items()}))
        return path

    return make


def idx_file(values: np.ndarray, kind: int = 8, shape: tuple[int, ...] | None = None) -> bytes:
    shape = shape or values.shape
    return bytes([0, 0, kind, len(shape)]) + np.array(shape, ">u4").tobytes() + values.tobytes()


def idx(
    pixels: bytes | None = None, labels: bytes | None = None, packed: bool = False
) -> Callable[[Path], Path]:
    """A maker of a pair of IDX files."""

    def make(folder: Path) -> Path:
        contents = {
            "own-images-idx3-ubyte": idx_file(images()) if pixels is None else pixels,
            "own-labels-idx1-ubyte": idx_file(ROWS.argmax(1).astype("u1"))
            if labels is None
            else labels,
        }
        for name, content in contents.items():
            whole = gzip.compress(content) if packed else content
            (folder / f"{name}{'.gz' * packed}").write_bytes(whole)
        return folder / "own-images-idx3-ubyte"

    return make


def png(pixels: np.ndarray, mode: str | None = None) -> Image.Image:
    image = Image.fromarray(pixels)
    return image.convert(mode) if mode else image


def tree(
    change: Callable[[Path], object] = lambda path: None,
    made: Callable[[np.ndarray], Image.Image] = png,
    ending: str = "png",
    count: int = N,
) -> Callable[[Path], Path]:
    """A maker of a folder of class folders, to which something is done."""

    def make(folder: Path) -> Path:
        path = folder / "own"
        for place, pixels in enumerate(images()[:count]):
            home = path / f"class{place % 2}"
            home.mkdir(parents=True, exist_ok=True)
            made(pixels).save(home / f"{place}.{ending}")
        change(path)
        return path

    return make


def moved(*names: str) -> Callable[[Path], object]:
    """Put the classes into these folders, or give them these names where there are two."""

    def change(path: Path) -> None:
        inner = path.with_name("classes")
        path.rename(inner)
        path.mkdir()
        for name in names:
            target = path / name
            target.mkdir()
            for home in sorted(inner.iterdir()):
                (target / home.name).mkdir()
                for file in home.iterdir():
                    (target / home.name / file.name).write_bytes(file.read_bytes())

    return change


def renamed(first: str, second: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        (path / "class0").rename(path / first)
        (path / "class1").rename(path / second)

    return change


def put(name: str, content: bytes = b"x") -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes(content)


def bomb(path: Path) -> None:
    """A few bytes that say that they are an image of gigabytes."""
    whole = (path / "class0" / "0.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 2**16, 2**16) + whole[24:29]
    checked = header + struct.pack(">I", zlib.crc32(header))
    (path / "class0" / "bomb.png").write_bytes(whole[:12] + checked + whole[33:])


def animation(path: Path) -> None:
    frames = [Image.fromarray(frame) for frame in images()[:2]]
    frames[0].save(path / "class0" / "0.gif", save_all=True, append_images=frames[1:])


def transparent(pixels: np.ndarray) -> Image.Image:
    """Black ink in the alpha channel."""
    whole = np.zeros((*pixels.shape, 4), np.uint8)
    whole[..., 3] = pixels
    return Image.fromarray(whole)


def damage(path: Path) -> Path:
    """Cut a third of a file off."""
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * len(whole) // 3])
    return path
