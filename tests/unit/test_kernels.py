"""The compiled kernels against the reference, and the reference against loops and closed forms."""

import math

import numpy as np
import pytest
import torch

from nerfkit.fields import accelerated, reference
from nerfkit.fields.hash_grid import HASH_PRIMES, HashLayout
from nerfkit.rays import Rays

GRID = 16


def random_rays(count: int, generator: torch.Generator) -> Rays:
    directions = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
    origins = torch.randn(count, 3, generator=generator)
    near = 0.1 + torch.rand(count, generator=generator)
    return Rays(origins, directions, torch.ones(count), near, near * (2 + 8 * torch.rand(count)))


def random_case(seed: int):
    generator = torch.Generator().manual_seed(seed)
    pick = lambda low, high: int(torch.randint(low, high, (1,), generator=generator))  # noqa: E731
    layout = HashLayout(pick(1, 6), (2, 8)[pick(0, 2)], pick(8, 13), pick(2, 8), pick(9, 60))
    rays = random_rays(pick(1, 40), generator)
    samples = pick(1, 20)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    table, weight, bias = draw(layout.rows, layout.features), draw(4, layout.width), draw(4)
    edges = rays.near[:, None] + (rays.far - rays.near)[:, None] * torch.linspace(0, 1, samples + 1)
    live = (torch.rand(len(rays), generator=generator) > 0.5).float()
    return layout, rays, edges, live, (table, weight * 0.5, bias), generator


def march_with_gradients(kernel, case):
    layout, rays, edges, live, parameters, _ = case
    leaves = [p.clone().requires_grad_() for p in parameters]
    outputs = kernel.march(*leaves, rays, edges, live, layout)
    weights = torch.Generator().manual_seed(7)
    loss = sum((out * torch.randn(out.shape, generator=weights)).sum() for out in outputs[:5])
    return outputs, torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("seed", range(8))
def test_march_agrees_in_values_and_all_gradients(seed):
    case = random_case(seed)
    values, gradients = march_with_gradients(accelerated, case)
    expected, expected_gradients = march_with_gradients(reference, case)
    for got, want in zip(values, expected, strict=True):
        torch.testing.assert_close(got, want, rtol=2e-3, atol=2e-4)
    for got, want in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(got, want, rtol=2e-2, atol=3e-3 * float(want.abs().max()))


@pytest.mark.parametrize("seed", range(4))
def test_encode_agrees_in_values_and_gradient(seed):
    layout, *_, (table, *_), generator = random_case(seed)
    unit = torch.rand(200, 3, generator=generator)
    incoming = torch.randn(200, layout.width, generator=generator)
    results = []
    for kernel in (accelerated, reference):
        leaf = table.clone().requires_grad_()
        out = kernel.encode(leaf, unit, layout)
        out.backward(incoming)
        results.append((out.detach(), leaf.grad))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("jittered", [True, False])
def test_proposals_agree(jittered):
    generator = torch.Generator().manual_seed(0)
    rays, grid = random_rays(300, generator), 3 * torch.rand(GRID**3, generator=generator)
    jitter = torch.rand(300, 13, generator=generator) if jittered else None
    fast = accelerated.propose(grid, rays, GRID, 12, 64, 0.15, jitter)
    slow = reference.propose(grid, rays, GRID, 12, 64, 0.15, jitter)
    # a bin's middle on a cell's face may fall to either side, which moves the edges of a few rays
    close = torch.isclose(fast, slow, rtol=1e-3, atol=1e-4).all(dim=1)
    assert close.float().mean() > 0.97
    assert (fast.diff(dim=1) >= 0).all()
    assert (fast >= rays.near[:, None] * 0.999).all()
    assert (fast <= rays.far[:, None] * 1.001).all()


def test_proposals_gather_where_the_grid_is_dense():
    rays = Rays(*(torch.tensor(v) for v in ([[0.0, 0, -0.9]], [[0.0, 0, 1]], [1.0], [0.1], [1.8])))
    grid = torch.zeros(GRID, GRID, GRID)
    grid[8, :, :] = 100.0  # z in [0, 0.25): the unit cube's middle slab, 0.9 to 1.15 along the ray
    edges = accelerated.propose(grid.flatten(), rays, GRID, 32, 64, 0.15, None)[0]
    assert ((edges > 0.8) & (edges < 1.2)).float().mean() > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_grid_updates_agree(seed):
    layout, rays, edges, live, parameters, generator = random_case(seed)
    density = reference.march(*parameters, rays, edges, live, layout)[5]
    grids = [torch.rand(GRID**3, generator=generator.manual_seed(1)) for _ in range(2)]
    for kernel, grid in zip((accelerated, reference), grids, strict=True):
        kernel.update_grid(grid, rays, edges, density, GRID, 0.9)
    torch.testing.assert_close(*grids)


def test_encoding_is_trilinear_by_a_slow_loop():
    layout = HashLayout(levels=2, features=2, table_log2=9, coarsest=5, finest=30)
    generator = torch.Generator().manual_seed(0)
    table, unit = torch.randn(layout.rows, 2, generator=generator), torch.rand(20, 3, generator=generator)
    got = reference.encode(table, unit, layout)
    for point, row in zip(unit.double(), got, strict=True):
        for level, resolution in enumerate(layout.resolutions):
            position = point * int(resolution)
            low = position.floor().long()
            total = torch.zeros(2)
            for corner in np.ndindex(2, 2, 2):
                at = low + torch.tensor(corner)
                share = math.prod(
                    float(f if bit else 1 - f) for f, bit in zip(position - low, corner, strict=True)
                )
                x, y, z = at.tolist()
                if layout.dense[level]:
                    index = x + (resolution + 1) * (y + (resolution + 1) * z)
                else:
                    index = (x ^ (y * HASH_PRIMES[1]) ^ (z * HASH_PRIMES[2])) % 2**9
                total += share * table[int(layout.offsets[level]) + int(index)]
            torch.testing.assert_close(row[2 * level : 2 * level + 2], total, atol=1e-4, rtol=1e-4)


def test_contraction_keeps_the_cube_and_folds_the_rest():
    points = torch.tensor([[0.0, 0, 0], [1, -1, 0.5], [2, 0, 0], [1e6, 1e6, -1e6]])
    want = torch.tensor([[0.5, 0.5, 0.5], [0.75, 0.25, 0.625], [0.875, 0.5, 0.5], [1.0, 1.0, 0.0]])
    torch.testing.assert_close(reference.contract(points), want, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kernel", [reference, accelerated])
def test_uniform_medium_has_the_closed_form(kernel):
    """A constant density: transmittance exp(-sigma * length), weights sum to one."""
    layout = HashLayout(1, 1, 8, 2, 2)
    rays = random_rays(5, torch.Generator().manual_seed(0))
    sigma = 0.7
    bias = torch.tensor([math.log(sigma) - reference.DENSITY_BIAS, 0, 0, 0])
    edges = rays.near[:, None] + (rays.far - rays.near)[:, None] * torch.linspace(0, 1, 9)
    arguments = (torch.zeros(layout.rows, 1), torch.zeros(4, 1), bias, rays, edges, torch.ones(5), layout)
    _, diffuse, _, weights, transmittance, density = kernel.march(*arguments)
    torch.testing.assert_close(transmittance, torch.exp(-sigma * (rays.far - rays.near)))
    torch.testing.assert_close(weights.sum(1), torch.ones(5))
    torch.testing.assert_close(diffuse, torch.full((5, 3), 0.5))
    torch.testing.assert_close(density, torch.full((5, 8), sigma))


def test_detached_rays_move_no_weights():
    """With live = 0 the composites' gradient must not reach the density column."""
    layout, rays, edges, _, parameters, _ = random_case(3)
    for kernel in (accelerated, reference):
        leaves = [p.clone().requires_grad_() for p in parameters]
        composed, diffuse, frozen, *_ = kernel.march(*leaves, rays, edges, torch.zeros(len(rays)), layout)
        (composed.sum() + diffuse.sum() + frozen.sum()).backward()
        assert leaves[1].grad[0].abs().max() == 0
        assert leaves[2].grad[0] == 0
        assert leaves[1].grad[1:].abs().max() > 0


def test_the_sum_of_gradients_does_not_depend_on_threads():
    import numba

    case = random_case(5)
    before = numba.get_num_threads()
    results = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        results.append(march_with_gradients(accelerated, case)[1])
    numba.set_num_threads(before)
    for one, many in zip(*results, strict=True):
        assert torch.equal(one, many)


def test_a_second_backward_pass_is_refused():
    layout, rays, edges, live, parameters, _ = random_case(0)
    leaf = parameters[0].clone().requires_grad_()
    out = accelerated.march(leaf, *parameters[1:], rays, edges, live, layout)[1].sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward"):
        out.backward()
