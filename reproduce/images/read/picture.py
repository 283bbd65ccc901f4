"""One picture in a file: what it holds as grey pixels, and as the data has its images."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from reproduce.errors import UserError
from reproduce.images.read.ink import POLARITY

# What is opened at all: some of Pillow's other formats run programs or stand for whole documents.
FORMATS = {
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "PPM": (".pbm", ".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)
GREY = 8  # of 255: JPEG may set the channels of a grey pixel so far apart
LARGEST_IMAGE = 2**25  # bytes of pixels, as floats, that are read of one image


def grey(
    file: Path,
    shape: tuple[int, ...] | None = None,
    invert: bool | None = None,
    lenient: bool = False,
) -> np.ndarray:
    """One image (H, W): bytes, 16-bit numbers or floats, as the file has them.

    Parameters
    ----------
    file : Path
    shape : tuple of int or None
        The only (H, W) that is taken; None takes all.
    invert : bool or None
        Transparent pixels are white paper where ink is dark (True), and black where it is light
        (False). None refuses them.
    lenient : bool
        Take pictures in colour, too, and lay transparent ones on paper of the other brightness.

    Raises
    ------
    UserError
        When the file is no whole image, or one that is not taken.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities that do not change pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=list(FORMATS)) as image:
                _check(image, file, shape)
                return _pixels(image, file, invert, lenient)
    except UserError:
        raise
    except Exception as error:
        # Damage makes Pillow's readers raise almost any type of exception.
        raise UserError(
            f"{file}: cannot be read as an image ({type(error).__name__}); save it again"
        ) from None


def _check(image: Image.Image, file: Path, shape: tuple[int, ...] | None) -> None:
    """Refuse an image before its pixels are unpacked."""
    height_width = image.size[::-1]
    if shape and height_width != shape:
        raise UserError(f"{file}: images have several sizes, {height_width} and {shape}")
    if image.width * image.height * 4 > LARGEST_IMAGE:
        raise UserError(f"{file}: {image.width} x {image.height} pixels; make them smaller")
    if getattr(image, "n_frames", 1) > 1:
        raise UserError(f"{file}: an animation or a document of several pages; save one image")


def _pixels(image: Image.Image, file: Path, invert: bool | None, lenient: bool) -> np.ndarray:
    if image.mode == "F" or image.mode.startswith("I"):  # 16-bit or float: converted, all is white
        pixels = np.asarray(image)
        deep = image.mode == "I" and image.format == "PNG"  # older versions widen 16-bit files
        return pixels.astype(np.uint16) if deep else pixels.astype(pixels.dtype.newbyteorder("="))
    if image.has_transparency_data:
        image = _on_paper(image.convert("RGBA"), file, invert, lenient)
    if image.mode not in ("L", "1") and not lenient:
        _check_colours(image, file)
    return np.asarray(image.convert("L"))


def _on_paper(image: Image.Image, file: Path, invert: bool | None, lenient: bool) -> Image.Image:
    """An image with transparent pixels as it looks on paper."""
    opacity = np.asarray(image)[..., 3]
    if opacity.min() == 255:
        return image
    if lenient:
        invert = bool(np.average(np.asarray(image.convert("L")), weights=opacity + 1e-9) < 128)
    if invert is None:
        raise UserError(f"{file}: its background is transparent; {POLARITY}")
    return Image.alpha_composite(
        Image.new("RGBA", image.size, "white" if invert else "black"), image
    )


def _check_colours(image: Image.Image, file: Path) -> None:
    """Refuse a picture in colour; a grey one may have three equal channels."""
    channels = np.asarray(image.convert("RGB")).astype(np.int16)
    if np.ptp(channels, axis=2).max() > GREY:
        raise UserError(f"{file}: an image in colour; convert it to grey")
