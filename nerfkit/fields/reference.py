"""The field's kernels in plain PyTorch: the oracle the others are tested against, and the CUDA path.

Symbols, for R rays of K samples: t edges (R, K + 1); delta = t[k+1] - t[k]; sigma density; tau = sigma *
delta; T transmittance; w weight. Every sample but the last has w = T (1 - exp(-tau)); the last one absorbs
what is left, w = T, so that the weights of a ray sum to 1. `transmittance` is what would have passed the
last sample too. A ray ends before the first sample with T < TRANSMITTANCE_MIN: from there on w = 0, and the
density is given as -1, "not looked at".

Only the density and the diffuse colour are formed per sample: the remaining columns of the field's linear
layer commute with compositing, so the encoding itself is composited and they are applied once per ray.
"""

import torch
from torch import Tensor

from nerfkit.fields.hash_grid import HASH_PRIMES, HashLayout

DENSITY_BIAS = -3.0  # starts space nearly empty: fog in front of the cameras never forms
DENSITY_MAX = 11.0  # of the exponent, about 6e4 per scene unit
TRANSMITTANCE_MIN = 1e-4


def contract(points: Tensor) -> Tensor:
    """Scene units (..., 3) to the unit cube (hash_grid.py)."""
    norm = points.abs().amax(dim=-1, keepdim=True).clamp_min(1)
    return points * ((2 - 1 / norm) / norm) * 0.25 + 0.5


def grid_cells(unit: Tensor, resolution: int) -> Tensor:
    """Flat cell index (...) of unit-cube points (..., 3) in a grid of resolution^3 cells, x fastest."""
    cell = (unit * resolution).long().clamp(0, resolution - 1)
    return cell[..., 0] + resolution * (cell[..., 1] + resolution * cell[..., 2])


def propose(
    grid: Tensor, rays, resolution: int, samples: int, bins: int, uniform: float, jitter: Tensor | None
) -> Tensor:
    """Sample edges (R, samples + 1) drawn by inverse CDF from the density grid's weights.

    Args:
        grid: (resolution^3,) densities in contracted space.
        bins: log-spaced bins between near and far whose middles look up the grid.
        uniform: share of the probability that is spread evenly over the bins.
        jitter: (R, samples + 1) in [0, 1) for training, None for the middle.
    """
    step = torch.linspace(0, 1, bins + 1)
    ratio = (rays.far / rays.near).log()
    t = rays.near[:, None] * torch.exp(ratio[:, None] * step)
    middle = 0.5 * (t[:, 1:] + t[:, :-1])
    unit = contract(rays.origins[:, None] + rays.directions[:, None] * middle[..., None])
    tau = grid[grid_cells(unit, resolution)] * t.diff(dim=1)
    passed = torch.exp(-(tau.cumsum(1) - tau))
    weight = passed * (1 - torch.exp(-tau)) * (passed >= TRANSMITTANCE_MIN)
    weight = torch.nn.functional.max_pool1d(weight[:, None], 3, stride=1, padding=1)[:, 0]
    cdf = torch.nn.functional.pad(weight.cumsum(1), (1, 0))
    cdf = cdf * ((1 - uniform) / (cdf[:, -1:] + 1e-6)) + uniform * step
    cdf = cdf / cdf[:, -1:]
    u = torch.linspace(0, 1, samples + 1).expand(len(t), -1)
    if jitter is not None:
        u = (u + (jitter - 0.5) * (0.9 / samples)).clamp(0, 1)
    bin_idx = (torch.searchsorted(cdf, u.contiguous(), right=True) - 1).clamp(0, bins - 1)
    low, high = cdf.gather(1, bin_idx), cdf.gather(1, bin_idx + 1)
    fraction = ((u - low) / (high - low).clamp_min(1e-8)).clamp(0, 1)
    return rays.near[:, None] * torch.exp(ratio[:, None] * (bin_idx + fraction) / bins)


def encode(table: Tensor, unit: Tensor, layout: HashLayout) -> Tensor:
    """Trilinear interpolation of every level at unit-cube points (N, 3): (N, levels * features)."""
    corners = torch.tensor([[c & 1, c >> 1 & 1, c >> 2] for c in range(8)], device=unit.device)
    outputs = []
    for level, resolution in enumerate(layout.resolutions.tolist()):
        position = unit * resolution
        base = position.long().clamp(0, resolution - 1)
        fraction = (position - base)[:, None]
        index = base[:, None] + corners
        if layout.dense[level]:
            side = resolution + 1
            row = index[..., 0] + side * (index[..., 1] + side * index[..., 2])
        else:
            x, y, z = (index * torch.tensor(HASH_PRIMES, device=unit.device)).unbind(-1)
            row = (x ^ y ^ z) & (2**layout.table_log2 - 1)
        weight = torch.where(corners.bool(), fraction, 1 - fraction).prod(dim=-1)
        outputs.append((table[row + int(layout.offsets[level])] * weight[..., None]).sum(dim=1))
    return torch.cat(outputs, dim=1)


def march(
    table: Tensor, weight: Tensor, bias: Tensor, rays, edges: Tensor, live: Tensor, layout: HashLayout
) -> tuple[Tensor, ...]:
    """Composite the field along rays.

    Args:
        table: (rows, features); weight: (4, width) and bias: (4,), the per-sample columns density, r, g, b.
        edges: (R, K + 1), t.
        live: (R,) 1 where colour may move the weights, 0 where it may not (geometry detached).
    Returns:
        encoding (R, width) and diffuse (R, 3), composited; encoding with all weights detached (R, width);
        weights (R, K); transmittance (R,); density (R, K), without gradient, -1 where not looked at.
    """
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
    points = rays.origins[:, None] + rays.directions[:, None] * middle[..., None]
    shape = (*middle.shape, -1)
    encoding = encode(table, contract(points).reshape(-1, 3), layout)
    columns = (encoding @ weight.T + bias).reshape(shape)
    encoding = encoding.reshape(shape)
    density = torch.exp((columns[..., 0] + DENSITY_BIAS).clamp_max(DENSITY_MAX))
    tau = density * edges.diff(dim=1)
    passed = torch.exp(-(tau.cumsum(1) - tau))
    reached = passed >= TRANSMITTANCE_MIN
    weights = torch.cat([(passed * (1 - torch.exp(-tau)))[:, :-1], passed[:, -1:]], dim=1) * reached
    frozen = weights.detach()
    mixed = live[:, None] * weights + (1 - live[:, None]) * frozen
    return (
        (mixed[..., None] * encoding).sum(1),
        (mixed[..., None] * columns[..., 1:].sigmoid()).sum(1),
        (frozen[..., None] * encoding).sum(1),
        weights,
        torch.exp(-(tau * reached).sum(1)),
        torch.where(reached, density, -1.0).detach(),
    )


def update_grid(grid: Tensor, rays, edges: Tensor, density: Tensor, resolution: int, decay: float) -> None:
    """In every cell a sample fell into: the larger of the faded value and the densest sample. In place."""
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
    unit = contract(rays.origins[:, None] + rays.directions[:, None] * middle[..., None])
    looked_at = density.flatten() >= 0
    cells = grid_cells(unit, resolution).flatten()[looked_at]
    grid[cells] *= decay
    grid.scatter_reduce_(0, cells, density.flatten()[looked_at], "amax")
