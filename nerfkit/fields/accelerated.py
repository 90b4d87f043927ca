"""The compiled kernels behind the functions of reference.py: same names, arguments and results."""

import numpy as np
import torch
from torch import Tensor

from nerfkit.fields import compiled, compiled_march
from nerfkit.fields.hash_grid import HashLayout


def layout_arguments(layout: HashLayout) -> tuple:
    """A layout as the kernels take it."""
    return layout.resolutions, layout.dense, layout.offsets, 2**layout.table_log2 - 1


def lanes(layout: HashLayout) -> tuple:
    """A tuple as long as a row, see compiled.py."""
    return (0,) * layout.features


def propose(
    grid: Tensor, rays, resolution: int, samples: int, bins: int, uniform: float, jitter: Tensor | None
) -> Tensor:
    """See reference.propose."""
    edges = torch.empty(len(rays), samples + 1)
    spread = 0.0 if jitter is None else 0.9 / samples
    jitter = torch.zeros(1, samples + 1) if jitter is None else jitter
    arrays = [x.numpy() for x in (grid, rays.origins, rays.directions, rays.near, rays.far)]
    numbers = torch.tensor([uniform, spread]).numpy()
    compiled_march.propose(*arrays, resolution, bins, numbers[0], jitter.numpy(), numbers[1], edges.numpy())
    return edges


class Encode(torch.autograd.Function):
    """Differentiable in the table."""

    @staticmethod
    def forward(ctx, table: Tensor, unit: Tensor, layout: HashLayout) -> Tensor:
        out = torch.empty(len(unit), layout.width)
        arrays = [x.detach().numpy() for x in (table, unit)]
        compiled.encode(arrays[0], lanes(layout), arrays[1], *layout_arguments(layout), out.numpy())
        ctx.unit, ctx.layout, ctx.shape = arrays[1], layout, table.shape
        return out

    @staticmethod
    def backward(ctx, incoming: Tensor) -> tuple:
        gradient = torch.zeros(ctx.shape)
        points = (ctx.unit[:, None], np.ones(len(ctx.unit), np.int64))
        incoming = incoming.contiguous().numpy()[:, None]
        arguments = (*points, *layout_arguments(ctx.layout), incoming)
        compiled.scatter(gradient.numpy(), lanes(ctx.layout), *arguments)
        return gradient, None, None


def encode(table: Tensor, unit: Tensor, layout: HashLayout) -> Tensor:
    """See reference.encode."""
    return Encode.apply(table, unit.contiguous(), layout)


class March(torch.autograd.Function):
    """Differentiable in table, weight and bias."""

    @staticmethod
    def forward(ctx, table, weight, bias, origins, directions, edges, live, layout, keep):
        (rays, samples), width = (len(edges), edges.shape[1] - 1), layout.width
        slots = samples if keep else 1
        unit, encoding = torch.empty(rays, samples, 3), torch.empty(rays, slots, width)
        colour, passed = torch.empty(rays, slots, 3), torch.empty(rays, samples)
        weights, density = torch.zeros(rays, samples), torch.full((rays, samples), -1.0)
        composed, diffuse = torch.zeros(rays, width), torch.zeros(rays, 3)
        transmittance, reached = torch.empty(rays), torch.empty(rays, dtype=torch.int64)
        inputs = [x.detach().numpy() for x in (weight, bias, origins, directions, edges)]
        outputs = (unit, encoding, colour, passed, weights, density)
        outputs += (composed, diffuse, transmittance, reached)
        compiled_march.march(
            table.detach().numpy(), lanes(layout), *inputs, *layout_arguments(layout),
            *(x.numpy() for x in outputs),
        )  # fmt: skip
        ctx.save_for_backward(weight, edges, live, colour, passed, weights, density, reached, transmittance)
        ctx.encoding, ctx.unit, ctx.layout, ctx.shape = encoding, unit, layout, table.shape
        ctx.mark_non_differentiable(density)
        return composed, diffuse, composed.clone(), weights, transmittance, density

    @staticmethod
    def backward(ctx, to_composed, to_diffuse, to_frozen, to_weights, to_transmittance, _):
        weight, edges, live, colour, passed, weights, density, reached, transmittance = ctx.saved_tensors
        encoding, ctx.encoding = ctx.encoding, None  # the backward pass overwrites it
        if encoding is None:
            raise RuntimeError("March keeps its encodings for one backward pass only.")
        columns = torch.zeros(compiled_march.PARTS, *weight.shape)
        biases, gradient = torch.zeros(compiled_march.PARTS, 4), torch.zeros(ctx.shape)
        inputs = (weight, edges, live, encoding, colour, passed, weights, density, reached, transmittance)
        incoming = (to_composed, to_diffuse, to_frozen, to_weights, to_transmittance)
        compiled_march.march_backward(
            *(x.detach().numpy() for x in inputs), *(x.contiguous().numpy() for x in incoming),
            columns.numpy(), biases.numpy(),
        )  # fmt: skip
        arguments = (ctx.unit.numpy(), reached.numpy(), *layout_arguments(ctx.layout), encoding.numpy())
        compiled.scatter(gradient.numpy(), lanes(ctx.layout), *arguments)
        return gradient, columns.sum(0), biases.sum(0), *[None] * 6


def march(
    table: Tensor, weight: Tensor, bias: Tensor, rays, edges: Tensor, live: Tensor, layout: HashLayout
) -> tuple[Tensor, ...]:
    """See reference.march. What a backward pass needs is kept only where one can follow."""
    keep = torch.is_grad_enabled() and any(p.requires_grad for p in (table, weight, bias))
    return March.apply(table, weight, bias, rays.origins, rays.directions, edges, live, layout, keep)


def update_grid(grid: Tensor, rays, edges: Tensor, density: Tensor, resolution: int, decay: float) -> None:
    """See reference.update_grid."""
    arrays = [x.numpy() for x in (grid, rays.origins, rays.directions, edges, density)]
    compiled_march.update_grid(*arrays, resolution, torch.tensor(decay).numpy()[()])
