"""The march along rays for the CPU, compiled by numba: proposal, compositing, its backward, grid update.

Conventions, symbols and contract are those of reference.py; what a function fills is passed in. Loops run
over a fixed number of parts, so that sums come out the same for any number of threads.
"""

import math

import numpy as np
from numba import njit, prange

from nerfkit.fields.compiled import FAST, HALF, ONE, contract, encode_point, grid_cell
from nerfkit.fields.reference import DENSITY_BIAS, DENSITY_MAX, TRANSMITTANCE_MIN
from nerfkit.fields.vectors import load, plus, store, summed, times

PARTS = 16
BIAS, MAX = np.float32(DENSITY_BIAS), np.float32(DENSITY_MAX)
STOP = np.float32(TRANSMITTANCE_MIN)


@njit(**FAST)
def bin_weights(grid, origin, direction, near, ratio, resolution, weight):
    """Weights of log-spaced bins by the density grid, each raised to the largest of its neighbours'."""
    bins = len(weight)
    passed, before = ONE, near
    growth = np.float32(math.exp(ratio / np.float32(bins)))
    weight[:] = 0
    for b in range(bins):
        if passed < STOP:
            break
        after = before * growth
        t = HALF * (before + after)
        x, y, z = contract(
            origin[0] + t * direction[0], origin[1] + t * direction[1], origin[2] + t * direction[2]
        )
        left = np.float32(math.exp(-grid[grid_cell(x, y, z, resolution)] * (after - before)))
        weight[b] = passed * (ONE - left)
        passed *= left
        before = after
    previous = weight[0]
    for b in range(bins):
        here = weight[b]
        following = weight[b + 1] if b + 1 < bins else here
        weight[b] = max(previous, max(here, following))
        previous = here


@njit(**FAST)
def draw_edges(weight, cumulated, near, ratio, uniform, jitter, spread, edges):
    """Sample edges of one ray by the inverse of the bins' mixed, cumulated weights."""
    bins, samples = len(weight), len(edges) - 1
    total = np.float32(0)
    for b in range(bins):
        total += weight[b]
    scale, share = (ONE - uniform) / (total + np.float32(1e-6)), uniform / np.float32(bins)
    cumulated[0] = 0
    for b in range(bins):
        cumulated[b + 1] = cumulated[b] + weight[b] * scale + share
    whole = cumulated[bins]
    b = 0
    for k in range(samples + 1):
        u = np.float32(k) / np.float32(samples) + (jitter[k] - HALF) * spread
        u = min(max(u, np.float32(0)), ONE) * whole
        while b < bins - 1 and cumulated[b + 1] <= u:
            b += 1
        part = (u - cumulated[b]) / max(cumulated[b + 1] - cumulated[b], np.float32(1e-8))
        part = min(max(part, np.float32(0)), ONE)
        edges[k] = near * np.float32(math.exp(ratio * (np.float32(b) + part) / np.float32(bins)))


@njit(parallel=True, **FAST)
def propose(grid, origins, directions, near, far, resolution, bins, uniform, jitter, spread, edges):
    """Fill sample edges (R, K + 1). `jitter` (R or 1, K + 1) in [0, 1) is scaled by `spread`."""
    rays = len(origins)
    for part in prange(PARTS):
        weight, cumulated = np.empty(bins, np.float32), np.empty(bins + 1, np.float32)
        for r in range(rays * part // PARTS, rays * (part + 1) // PARTS):
            ratio = np.float32(math.log(far[r] / near[r]))
            bin_weights(grid, origins[r], directions[r], near[r], ratio, resolution, weight)
            shift = jitter[r if len(jitter) > 1 else 0]
            draw_edges(weight, cumulated, near[r], ratio, uniform, shift, spread, edges[r])


@njit(**FAST)
def columns(encoding, weight, bias, lanes):
    """The per-sample linear layer: density, r, g, b."""
    first = load(encoding, (0,), lanes)
    d, r = times(first, load(weight, (0, 0), lanes)), times(first, load(weight, (1, 0), lanes))
    g, b = times(first, load(weight, (2, 0), lanes)), times(first, load(weight, (3, 0), lanes))
    for i in range(len(lanes), len(encoding), len(lanes)):
        part = load(encoding, (i,), lanes)
        d = plus(d, part, load(weight, (0, i), lanes))
        r = plus(r, part, load(weight, (1, i), lanes))
        g = plus(g, part, load(weight, (2, i), lanes))
        b = plus(b, part, load(weight, (3, i), lanes))
    return summed(d) + bias[0], summed(r) + bias[1], summed(g) + bias[2], summed(b) + bias[3]


@njit(**FAST)
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return ONE / (ONE + np.float32(math.exp(-x)))


@njit(parallel=True, **FAST)
def march(
    table, lanes, weight, bias, origins, directions, edges, resolutions, dense, offsets, mask,
    unit, encoding, colour, passed, weights, density, composed, diffuse, transmittance, reached,
):  # fmt: skip
    """Composite R rays of K samples.

    Fills, for the backward pass, unit (R, K, 3), encoding (R, S, width), colour (R, S, 3), passed (R, K):
    the transmittance behind each sample, and reached (R,): how many samples were looked at. S is K, or 1
    where no backward pass follows. And the results: weights, density (R, K), composed (R, width),
    diffuse (R, 3), transmittance (R,).
    """
    rays, samples, slots = len(origins), edges.shape[1] - 1, encoding.shape[1]
    for part in prange(PARTS):
        for r in range(rays * part // PARTS, rays * (part + 1) // PARTS):
            left, k = ONE, 0
            while k < samples and left >= STOP:
                slot = k if slots > 1 else 0
                enc, rgb = encoding[r, slot], colour[r, slot]
                t = HALF * (edges[r, k] + edges[r, k + 1])
                x, y, z = contract(
                    origins[r, 0] + t * directions[r, 0],
                    origins[r, 1] + t * directions[r, 1],
                    origins[r, 2] + t * directions[r, 2],
                )
                unit[r, k, 0], unit[r, k, 1], unit[r, k, 2] = x, y, z
                encode_point(table, lanes, x, y, z, resolutions, dense, offsets, mask, enc)
                logit, red, green, blue = columns(enc, weight, bias, lanes)
                sigma = np.float32(math.exp(min(logit + BIAS, MAX)))
                behind = left * np.float32(math.exp(-sigma * (edges[r, k + 1] - edges[r, k])))
                w = left if k == samples - 1 else left - behind
                rgb[0], rgb[1], rgb[2] = sigmoid(red), sigmoid(green), sigmoid(blue)
                for c in range(3):
                    diffuse[r, c] += w * rgb[c]
                for i in range(0, len(enc), len(lanes)):
                    total = plus(load(composed, (r, i), lanes), load(enc, (i,), lanes), w)
                    store(composed, (r, i), total)
                weights[r, k], density[r, k], passed[r, k] = w, sigma, behind
                left = behind
                k += 1
            transmittance[r], reached[r] = left, k


@njit(**FAST)
def sample_backward(enc, rgb, weight, w, to_density, through, to_diffuse, columns, biases):
    """One sample: turn its encoding into the encoding's gradient, add to the linear layer's gradient."""
    r = w * to_diffuse[0] * rgb[0] * (ONE - rgb[0])
    g = w * to_diffuse[1] * rgb[1] * (ONE - rgb[1])
    b = w * to_diffuse[2] * rgb[2] * (ONE - rgb[2])
    biases[0] += to_density
    biases[1] += r
    biases[2] += g
    biases[3] += b
    for i in range(len(enc)):
        value = enc[i]
        columns[0, i] += to_density * value
        columns[1, i] += r * value
        columns[2, i] += g * value
        columns[3, i] += b * value
        to_colour = r * weight[1, i] + g * weight[2, i] + b * weight[3, i]
        enc[i] = w * through[i] + to_density * weight[0, i] + to_colour


@njit(**FAST)
def dot(a, b):
    """Inner product."""
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(parallel=True, **FAST)
def march_backward(
    weight, edges, live, encoding, colour, passed, weights, density, reached, transmittance,
    to_composed, to_diffuse, to_frozen, to_weights, to_transmittance, columns, biases,
):  # fmt: skip
    """Gradients of the composites to the encodings, which they replace, and to the linear layer.

    With tau = sigma * delta: dw_k / dtau_k = T_{k+1} and dw_j / dtau_k = -w_j behind it, hence one running
    sum from the back. `columns` (PARTS, 4, width) and `biases` (PARTS, 4) take one partial sum a part.
    """
    rays, samples = weights.shape
    largest = np.float32(math.exp(MAX))
    for part in prange(PARTS):
        through = np.empty(encoding.shape[2], np.float32)
        for r in range(rays * part // PARTS, rays * (part + 1) // PARTS):
            for i in range(len(through)):
                through[i] = to_composed[r, i] + to_frozen[r, i]
            behind = to_transmittance[r] * transmittance[r]
            for k in range(reached[r] - 1, -1, -1):
                enc, rgb, w = encoding[r, k], colour[r, k], weights[r, k]
                to_w = to_weights[r, k]
                to_w += live[r] * (dot(enc, to_composed[r]) + dot(rgb, to_diffuse[r]))
                to_tau = -behind
                if k < samples - 1:
                    to_tau += passed[r, k] * to_w
                behind += w * to_w
                sigma = density[r, k]
                to_density = np.float32(0)
                if sigma < largest:
                    to_density = to_tau * (edges[r, k + 1] - edges[r, k]) * sigma
                sample_backward(
                    enc, rgb, weight, w, to_density, through, to_diffuse[r], columns[part], biases[part]
                )


@njit(**FAST)
def sample_cell(origin, direction, edges, k, resolution):
    """The grid cell of a ray's sample."""
    t = HALF * (edges[k] + edges[k + 1])
    x, y, z = contract(
        origin[0] + t * direction[0], origin[1] + t * direction[1], origin[2] + t * direction[2]
    )
    return grid_cell(x, y, z, resolution)


@njit(**FAST)
def update_grid(grid, origins, directions, edges, density, resolution, decay):
    """In every cell a sample fell into: the larger of the faded value and the densest sample.

    The first pass fades a cell once however many samples it holds, by turning its sign.
    """
    rays, samples = density.shape
    cells = np.empty((rays, samples), np.int64)
    for r in range(rays):
        for k in range(samples):
            if density[r, k] >= 0:
                cells[r, k] = sample_cell(origins[r], directions[r], edges[r], k, resolution)
                if grid[cells[r, k]] > 0:
                    grid[cells[r, k]] *= -decay
    for r in range(rays):
        for k in range(samples):
            if density[r, k] >= 0:
                grid[cells[r, k]] = max(abs(grid[cells[r, k]]), density[r, k])
