"""Nearest-neighbour fields between patches of one picture, and the vote that paints from them.

After Barnes et al., "PatchMatch", 2009 (the search) and Wexler et al., "Space-time completion of video", 2007
(the vote), written for one core.

`pixels` is float32 (H, W * C), the C channels of a pixel side by side. A patch has its centre at a pixel and
reaches `radius` pixels to each side. The field `match` int64 (H, W, 2) holds for every target pixel the
(row, column) of the centre of its source patch. `cost` float32 (H, W) is the mean squared difference per
pixel of the patch, summed over channels, plus `place` times the squared distance in pixels between target and
source; it is infinite where there is no target. The border of the arrays is wider than a patch's reach.
"""

import numpy as np
from numba import njit

# Without "nnan" and "ninf": an infinite cost marks what is no target.
FAST = {"cache": True, "nogil": True, "fastmath": {"contract", "reassoc", "arcp", "nsz"}}


@njit(**FAST)
def patch_cost(pixels, usable, whole, ty, tx, sy, sx, radius, place, limit):
    """Cost of one pair over the usable pixels of the target patch; infinite once beyond `limit`.

    `whole` marks the targets all of whose patch is usable: the fast way.
    """
    side = 2 * radius + 1
    channels = pixels.shape[1] // usable.shape[1]
    far = np.float32(place * ((ty - sy) ** 2 + (tx - sx) ** 2))
    ceiling = (limit - far) * side * side
    total = np.float32(0)
    if whole[ty, tx]:
        t0, s0 = (tx - radius) * channels, (sx - radius) * channels
        for dy in range(-radius, radius + 1):
            target, source = pixels[ty + dy], pixels[sy + dy]
            for k in range(side * channels):
                difference = target[t0 + k] - source[s0 + k]
                total += difference * difference
            if total > ceiling:
                return np.float32(np.inf)
        return total / np.float32(side * side) + far
    count = 0
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if usable[ty + dy, tx + dx]:
                count += 1
                for k in range(channels):
                    difference = (
                        pixels[ty + dy, (tx + dx) * channels + k] - pixels[sy + dy, (sx + dx) * channels + k]
                    )
                    total += difference * difference
        if total > ceiling:
            return np.float32(np.inf)
    return total / np.float32(count) + far if count > 0 else np.float32(np.inf)


@njit(**FAST)
def next_random(state):
    """Uniform number in [0, 1) from a 64-bit xorshift state, uint64 (1,)."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.float64(x >> np.uint64(11)) / 9007199254740992.0


@njit(**FAST)
def measure(pixels, usable, whole, targets, match, cost, radius, place):
    """Recompute the cost of the present field, after a vote changed the pixels."""
    limit = np.float32(np.inf)
    for i in range(len(targets)):
        y, x = targets[i]
        sy, sx = match[y, x]
        cost[y, x] = patch_cost(pixels, usable, whole, y, x, sy, sx, radius, place, limit)


@njit(**FAST)
def improve(pixels, usable, whole, source, targets, match, cost, radius, place, backwards, state):
    """One PatchMatch sweep over `targets` (N, 2): propagate along the scan order, then search at random.

    `source` bool (H, W) marks the centres of allowed source patches.
    """
    height, width = source.shape
    step = -1 if backwards else 1
    for i in range(len(targets)):
        y, x = targets[len(targets) - 1 - i] if backwards else targets[i]
        best, by, bx = cost[y, x], match[y, x, 0], match[y, x, 1]
        for k in range(2):
            ny, nx = (y - step, x) if k == 0 else (y, x - step)
            if np.isfinite(cost[ny, nx]):
                sy, sx = match[ny, nx, 0] + y - ny, match[ny, nx, 1] + x - nx
                if source[sy, sx]:
                    value = patch_cost(pixels, usable, whole, y, x, sy, sx, radius, place, best)
                    if value < best:
                        best, by, bx = value, sy, sx
        reach = float(max(height, width))
        while reach >= 1:
            sy = by + int((2 * next_random(state) - 1) * reach)
            sx = bx + int((2 * next_random(state) - 1) * reach)
            if 0 <= sy < height and 0 <= sx < width and source[sy, sx]:
                value = patch_cost(pixels, usable, whole, y, x, sy, sx, radius, place, best)
                if value < best:
                    best, by, bx = value, sy, sx
            reach *= 0.5
        cost[y, x], match[y, x, 0], match[y, x, 1] = best, by, bx


@njit(**FAST)
def search_all(pixels, usable, whole, sources, targets, match, cost, radius, place):
    """The best of all `sources` (M, 2) for every target: the exact search, for small pictures."""
    for i in range(len(targets)):
        y, x = targets[i]
        best = np.float32(np.inf)
        for j in range(len(sources)):
            sy, sx = sources[j]
            value = patch_cost(pixels, usable, whole, y, x, sy, sx, radius, place, best)
            if value < best:
                best, match[y, x, 0], match[y, x, 1] = value, sy, sx
        cost[y, x] = best


@njit(**FAST)
def vote(pixels, painted, match, cost, trust, sharpness, radius):
    """What the source patches around each pixel of `painted` (N, 2) say it should be, float32 (N, C).

    Every target patch q that contains the pixel p proposes the source pixel match[q] + p - q, with weight
    trust[q] * exp(-sharpness * cost[q]); the result is the weighted mean (Wexler et al., eq. 5).
    """
    channels = pixels.shape[1] // cost.shape[1]
    out = np.zeros((len(painted), channels), np.float32)
    for i in range(len(painted)):
        y, x = painted[i]
        least = np.float32(np.inf)  # costs count from the least, so that a sharp vote cannot lose all weight
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                least = min(least, cost[y + dy, x + dx])
        total = np.float32(1e-30)
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                qy, qx = y + dy, x + dx
                if np.isfinite(cost[qy, qx]):
                    weight = trust[qy, qx] * np.exp(sharpness * (least - cost[qy, qx]))
                    total += weight
                    sy, sx = match[qy, qx, 0] - dy, match[qy, qx, 1] - dx
                    for k in range(channels):
                        out[i, k] += weight * pixels[sy, sx * channels + k]
        for k in range(channels):
            out[i, k] /= total
    return out
