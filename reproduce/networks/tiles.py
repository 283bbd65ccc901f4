"""Between maps and the points of their tiles, for Winograd's method.

`reproduce.networks.winograd` explains it. Maps are (B, N, H, W), points (6, 6, N, B, tiles of a
map); tiles run row by row.

Row r of a padded map is kept as row r // 4 of those that are r % 4 behind a tile's first one. So
the pixels at one place of their windows lie in one stretch of memory, as long as a map has tiles.
Rows 4 and 5 of a window are rows 0 and 1 of the one below it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.support.jit import njit

TILE, WINDOW = 4, 6  # pixels a side of what is computed together, and of what it depends on
# Factors are powers of two. So no product is rounded, and a compiler that joins it with a sum
# changes nothing: code from numba's cache computes the same bits as code that was compiled anew.
FOUR, TWO, EIGHT = np.float32(4), np.float32(2), np.float32(8)


@njit(inline="always")
def _points_of_window(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    """Six pixels at the points of one dimension."""
    even, odd = e - c * FOUR, d - b * FOUR
    even_twice, odd_twice = e - c, (d - b) * TWO
    first, last = (a - c) * FOUR + (e - c), (b - d) * FOUR + (f - d)
    return first, even + odd, even - odd, even_twice + odd_twice, even_twice - odd_twice, last


@njit(inline="always")
def _window_of_points(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    """The transpose of `_points_of_window`."""
    sum_once, sum_twice = b + c, d + e
    once, twice = b - c, (d - e) * TWO
    third = -(a + sum_once) * FOUR - (a + sum_twice)
    fourth = once + twice - (f * FOUR + f)
    return a * FOUR, (f - once) * FOUR - twice, third, fourth, a + sum_once + sum_twice, f


@njit(inline="always")
def _tile_of_points(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    """Four pixels of the result from the products at the points."""
    even, odd, even_twice, odd_twice = b + c, b - c, d + e, d - e
    third, fourth = even + even_twice * FOUR, odd + odd_twice * EIGHT + f
    return a + even + even_twice, odd + odd_twice * TWO, third, fourth


@njit(inline="always")
def _points_of_tile(a: Any, b: Any, c: Any, d: Any) -> Any:
    """The transpose of `_tile_of_points`."""
    even, odd = a + c, b + d
    even_twice, odd_twice = a + c * FOUR, b * TWO + d * EIGHT
    return a, even + odd, even - odd, even_twice + odd_twice, even_twice - odd_twice, d


@njit()
def _size(maps: np.ndarray) -> tuple[int, int]:
    """How many tiles lie below and beside each other in a map."""
    return (maps.shape[2] + TILE - 1) // TILE, (maps.shape[3] + TILE - 1) // TILE


@njit()
def of_windows(maps: np.ndarray, points: np.ndarray) -> None:
    """Fill the points of all windows."""
    height, width = maps.shape[2:]
    down, across = _size(maps)
    tiles, part = down * across, (down + 1) * across
    line = np.zeros(TILE * across + 2, maps.dtype)
    pixels = np.zeros((WINDOW, TILE * part), maps.dtype)
    half = np.empty((WINDOW, TILE * part), maps.dtype)
    for channel in range(maps.shape[1]):
        for image in range(len(maps)):
            for row in range(height):
                for n in range(width):
                    line[n + 1] = maps[image, channel, row, n]
                start = (row + 1) % TILE * part + (row + 1) // TILE * across
                for n in range(WINDOW):
                    for tile in range(across):
                        pixels[n, start + tile] = line[TILE * tile + n]
            for n in range(TILE * part):
                a, b, c = pixels[0, n], pixels[1, n], pixels[2, n]
                d, e, f = pixels[3, n], pixels[4, n], pixels[5, n]
                a, b, c, d, e, f = _points_of_window(a, b, c, d, e, f)
                half[0, n], half[1, n], half[2, n] = a, b, c
                half[3, n], half[4, n], half[5, n] = d, e, f
            for point in range(WINDOW):
                for n in range(tiles):
                    a, b, c = half[point, n], half[point, part + n], half[point, 2 * part + n]
                    d, e = half[point, 3 * part + n], half[point, across + n]
                    f = half[point, part + across + n]
                    a, b, c, d, e, f = _points_of_window(a, b, c, d, e, f)
                    points[0, point, channel, image, n] = a
                    points[1, point, channel, image, n] = b
                    points[2, point, channel, image, n] = c
                    points[3, point, channel, image, n] = d
                    points[4, point, channel, image, n] = e
                    points[5, point, channel, image, n] = f


@njit()
def to_windows(maps: np.ndarray, points: np.ndarray) -> None:
    """Transpose `of_windows`: each pixel gets what its windows have."""
    height, width = maps.shape[2:]
    down, across = _size(maps)
    tiles, part = down * across, (down + 1) * across
    line = np.zeros(TILE * across + 2, maps.dtype)
    pixels = np.empty((WINDOW, TILE * part), maps.dtype)
    half = np.empty((WINDOW, TILE * part), maps.dtype)
    for channel in range(maps.shape[1]):
        for image in range(len(maps)):
            half[:] = 0
            for point in range(WINDOW):
                for n in range(tiles):
                    a, b = points[0, point, channel, image, n], points[1, point, channel, image, n]
                    c, d = points[2, point, channel, image, n], points[3, point, channel, image, n]
                    e, f = points[4, point, channel, image, n], points[5, point, channel, image, n]
                    a, b, c, d, e, f = _window_of_points(a, b, c, d, e, f)
                    half[point, n] += a
                    half[point, part + n] += b
                    half[point, 2 * part + n] = c
                    half[point, 3 * part + n] = d
                    half[point, across + n] += e
                    half[point, part + across + n] += f
            for n in range(TILE * part):
                a, b, c = half[0, n], half[1, n], half[2, n]
                d, e, f = half[3, n], half[4, n], half[5, n]
                a, b, c, d, e, f = _window_of_points(a, b, c, d, e, f)
                pixels[0, n], pixels[1, n], pixels[2, n] = a, b, c
                pixels[3, n], pixels[4, n], pixels[5, n] = d, e, f
            for row in range(height):
                start = (row + 1) % TILE * part + (row + 1) // TILE * across
                line[:] = 0
                for tile in range(across):
                    for n in range(WINDOW):
                        line[TILE * tile + n] += pixels[n, start + tile]
                for n in range(width):
                    maps[image, channel, row, n] = line[n + 1]


@njit()
def to_tiles(maps: np.ndarray, points: np.ndarray) -> None:
    """Fill maps from the products at the points of their tiles."""
    height, width = maps.shape[2:]
    down, across = _size(maps)
    tiles = down * across
    line = np.empty(TILE * across, maps.dtype)
    half = np.empty((WINDOW, TILE, tiles), maps.dtype)
    pixels = np.empty((TILE, TILE, tiles), maps.dtype)
    for channel in range(maps.shape[1]):
        for image in range(len(maps)):
            for point in range(WINDOW):
                for n in range(tiles):
                    a, b = points[0, point, channel, image, n], points[1, point, channel, image, n]
                    c, d = points[2, point, channel, image, n], points[3, point, channel, image, n]
                    e, f = points[4, point, channel, image, n], points[5, point, channel, image, n]
                    a, b, c, d = _tile_of_points(a, b, c, d, e, f)
                    half[point, 0, n], half[point, 1, n] = a, b
                    half[point, 2, n], half[point, 3, n] = c, d
            for row in range(TILE):
                for n in range(tiles):
                    a, b, c = half[0, row, n], half[1, row, n], half[2, row, n]
                    d, e, f = half[3, row, n], half[4, row, n], half[5, row, n]
                    a, b, c, d = _tile_of_points(a, b, c, d, e, f)
                    pixels[row, 0, n], pixels[row, 1, n] = a, b
                    pixels[row, 2, n], pixels[row, 3, n] = c, d
            for row in range(height):
                start = row // TILE * across
                for tile in range(across):
                    for n in range(TILE):
                        line[TILE * tile + n] = pixels[row % TILE, n, start + tile]
                for n in range(width):
                    maps[image, channel, row, n] = line[n]


@njit()
def of_tiles(maps: np.ndarray, points: np.ndarray) -> None:
    """Transpose `to_tiles`."""
    height, width = maps.shape[2:]
    down, across = _size(maps)
    tiles = down * across
    line = np.zeros(TILE * across, maps.dtype)
    half = np.empty((WINDOW, TILE, tiles), maps.dtype)
    pixels = np.zeros((TILE, TILE, tiles), maps.dtype)
    for channel in range(maps.shape[1]):
        for image in range(len(maps)):
            for row in range(height):
                for n in range(width):
                    line[n] = maps[image, channel, row, n]
                start = row // TILE * across
                for n in range(TILE):
                    for tile in range(across):
                        pixels[row % TILE, n, start + tile] = line[TILE * tile + n]
            for row in range(TILE):
                for n in range(tiles):
                    a, b = pixels[row, 0, n], pixels[row, 1, n]
                    c, d = pixels[row, 2, n], pixels[row, 3, n]
                    a, b, c, d, e, f = _points_of_tile(a, b, c, d)
                    half[0, row, n], half[1, row, n], half[2, row, n] = a, b, c
                    half[3, row, n], half[4, row, n], half[5, row, n] = d, e, f
            for point in range(WINDOW):
                for n in range(tiles):
                    a, b = half[point, 0, n], half[point, 1, n]
                    c, d = half[point, 2, n], half[point, 3, n]
                    a, b, c, d, e, f = _points_of_tile(a, b, c, d)
                    points[0, point, channel, image, n] = a
                    points[1, point, channel, image, n] = b
                    points[2, point, channel, image, n] = c
                    points[3, point, channel, image, n] = d
                    points[4, point, channel, image, n] = e
                    points[5, point, channel, image, n] = f
