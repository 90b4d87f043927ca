"""The field's kernels for the CPU, compiled by numba; conventions and contract are those of reference.py.

Rays are shared out among the threads; the scatter of the gradient is shared out by levels instead, so no
two threads ever write the same row and the result depends neither on timing nor on the number of threads.

`lanes` is a tuple as long as a row of the table: its length is part of its type, which tells the compiler
how long the vectors of vectors.py are.
"""

import numpy as np
from numba import njit, prange

from nerfkit.fields.hash_grid import HASH_PRIMES
from nerfkit.fields.vectors import load, plus, store, times

# An int next to a float32 would make numba compute in float64, hence every constant's and size's own type.
ONE, TWO, HALF, QUARTER = (np.float32(value) for value in (1, 2, 0.5, 0.25))
FAST = {"fastmath": {"contract", "reassoc", "arcp", "nsz"}, "cache": True, "nogil": True}
_, PRIME_Y, PRIME_Z = HASH_PRIMES


@njit(**FAST)
def contract(x, y, z):
    """Scene units to the unit cube."""
    norm = max(abs(x), abs(y), abs(z))
    scale = QUARTER
    if norm > ONE:
        inverse = ONE / norm
        scale = QUARTER * (TWO - inverse) * inverse
    return x * scale + HALF, y * scale + HALF, z * scale + HALF


@njit(**FAST)
def grid_cell(x, y, z, resolution):
    """Flat cell of a unit-cube point, x fastest."""
    last, size = resolution - 1, np.float32(resolution)
    i = min(max(int(x * size), 0), last)
    j = min(max(int(y * size), 0), last)
    k = min(max(int(z * size), 0), last)
    return i + resolution * (j + resolution * k)


@njit(**FAST)
def corner_rows(x, y, z, resolution, dense, mask):
    """The eight rows around a unit-cube point and their trilinear weights."""
    last, size = resolution - 1, np.float32(resolution)
    px, py, pz = x * size, y * size, z * size
    i = min(max(int(px), 0), last)
    j = min(max(int(py), 0), last)
    k = min(max(int(pz), 0), last)
    fx, fy, fz = px - np.float32(i), py - np.float32(j), pz - np.float32(k)
    gx, gy, gz = ONE - fx, ONE - fy, ONE - fz
    weights = (
        (gx * gy * gz, fx * gy * gz, gx * fy * gz, fx * fy * gz),
        (gx * gy * fz, fx * gy * fz, gx * fy * fz, fx * fy * fz),
    )
    if dense:
        side = resolution + 1
        r = i + side * (j + side * k)
        rows = ((r, r + 1, r + side, r + side + 1),)
        up = side * side
        rows = (rows[0], (r + up, r + up + 1, r + up + side, r + up + side + 1))
    else:
        y0, z0 = j * PRIME_Y, k * PRIME_Z
        y1, z1 = y0 + PRIME_Y, z0 + PRIME_Z
        a, b, c, d = y0 ^ z0, y1 ^ z0, y0 ^ z1, y1 ^ z1
        rows = (
            ((i ^ a) & mask, ((i + 1) ^ a) & mask, (i ^ b) & mask, ((i + 1) ^ b) & mask),
            ((i ^ c) & mask, ((i + 1) ^ c) & mask, (i ^ d) & mask, ((i + 1) ^ d) & mask),
        )
    return rows[0], rows[1], weights[0], weights[1]


@njit(**FAST)
def encode_point(table, lanes, x, y, z, resolutions, dense, offsets, mask, out):
    """Write the encoding of one unit-cube point to `out` (levels * features,)."""
    for level in range(len(resolutions)):
        (a, b, c, d), (e, f, g, h), (wa, wb, wc, wd), (we, wf, wg, wh) = corner_rows(
            x, y, z, resolutions[level], dense[level], mask
        )
        first = offsets[level]
        total = times(load(table, (first + a, 0), lanes), wa)
        for row, weight in ((b, wb), (c, wc), (d, wd), (e, we), (f, wf), (g, wg), (h, wh)):
            total = plus(total, load(table, (first + row, 0), lanes), weight)
        store(out, (level * len(lanes),), total)


@njit(**FAST)
def scatter_point(gradient, first, x, y, z, resolution, dense, mask, lanes, incoming):
    """Add one point's gradient of one level, the vector `incoming`, to the level's rows from `first` on."""
    (a, b, c, d), (e, f, g, h), (wa, wb, wc, wd), (we, wf, wg, wh) = corner_rows(
        x, y, z, resolution, dense, mask
    )
    for row, weight in ((a, wa), (b, wb), (c, wc), (d, wd), (e, we), (f, wf), (g, wg), (h, wh)):
        place = (first + row, 0)
        store(gradient, place, plus(load(gradient, place, lanes), incoming, weight))


@njit(**FAST)
def paired_level(turn, levels):
    """Levels in the order 0, last, 1, last but one: a cheap and a dear one follow each other."""
    return turn // 2 if turn % 2 == 0 else levels - 1 - turn // 2


@njit(parallel=True, **FAST)
def encode(table, lanes, unit, resolutions, dense, offsets, mask, out):
    """Encodings `out` (N, width) of unit-cube points (N, 3)."""
    for n in prange(len(unit)):
        encode_point(
            table, lanes, unit[n, 0], unit[n, 1], unit[n, 2], resolutions, dense, offsets, mask, out[n]
        )


@njit(parallel=True, **FAST)
def scatter(gradient, lanes, unit, reached, resolutions, dense, offsets, mask, incoming):
    """Add the table's gradient for encodings' gradients `incoming` (R, K, width), one level a thread.

    Of ray r the first reached[r] samples count.
    """
    for turn in prange(len(resolutions)):
        level = paired_level(turn, len(resolutions))
        first, resolution, stored = offsets[level], resolutions[level], dense[level]
        for r in range(len(unit)):
            for k in range(reached[r]):
                x, y, z = unit[r, k, 0], unit[r, k, 1], unit[r, k, 2]
                vector = load(incoming, (r, k, level * len(lanes)), lanes)
                scatter_point(gradient, first, x, y, z, resolution, stored, mask, lanes, vector)
