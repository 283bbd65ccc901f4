"""Ten digits drawn by script from strokes, as a person draws them: dark ink on white paper.

`python -m tests.drawn FOLDER` writes one PNG into a folder for each class.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIDE, PEN = 140, 11  # pixels
# Lines through points in percent of the paper, from left to right and from top to bottom.
STROKES: dict[int, list[list[tuple[int, int]]]] = {
    0: [[(50, 18), (34, 28), (30, 50), (35, 74), (50, 82), (66, 72), (70, 48), (64, 26), (50, 18)]],
    1: [[(38, 32), (52, 20), (50, 82)]],
    2: [[(32, 32), (46, 19), (64, 26), (62, 46), (34, 80), (70, 79)]],
    3: [[(33, 24), (54, 18), (65, 32), (48, 47), (68, 62), (56, 81), (32, 75)]],
    4: [[(58, 20), (31, 59), (71, 58)], [(60, 40), (58, 84)]],
    5: [[(67, 20), (38, 21), (35, 46), (58, 45), (67, 62), (56, 81), (33, 77)]],
    6: [[(62, 18), (41, 40), (34, 66), (46, 82), (63, 74), (62, 56), (45, 52), (36, 64)]],
    7: [[(31, 22), (68, 21), (45, 83)]],
    8: [[(62, 26), (47, 18), (37, 30), (63, 62), (56, 81), (39, 78), (37, 62), (64, 34), (62, 26)]],
    9: [[(65, 33), (52, 19), (36, 31), (43, 48), (63, 42), (65, 33), (61, 60), (57, 83)]],
}


def draw(folder: Path) -> None:
    """Write `FOLDER/3/3.png` and so on."""
    for digit, lines in STROKES.items():
        paper = Image.new("L", (SIDE, SIDE), 255)
        pen = ImageDraw.Draw(paper)
        for line in lines:
            pen.line([(SIDE * x / 100, SIDE * y / 100) for x, y in line], 0, PEN, joint="curve")
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        paper.save(folder / str(digit) / f"{digit}.png")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
