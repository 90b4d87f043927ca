"""The distortion loss against its definition, and what it asks for."""

import math

import pytest
import torch

from nerfkit.objectives.distortion import distortion
from nerfkit.rendering import Rendering


def rendering(weights: torch.Tensor, edges: torch.Tensor) -> Rendering:
    empty = torch.empty(0)
    return Rendering(empty, empty, empty, empty, weights, edges)


def test_it_is_the_double_sum_of_its_definition():
    generator = torch.Generator().manual_seed(3)
    weights = torch.rand(50, 9, generator=generator).softmax(dim=1).requires_grad_()
    edges = (0.3 + torch.rand(50, 10, generator=generator).cumsum(dim=1)).double()
    found = distortion(rendering(weights, edges.float()))

    log = edges.log()
    middle, length = 0.5 * (log[:, 1:] + log[:, :-1]), log.diff(dim=1)
    wide = weights.detach().double().requires_grad_()
    apart = (middle[:, :, None] - middle[:, None]).abs()
    expected = (wide[:, :, None] * wide[:, None] * apart).sum(dim=(1, 2)) + (wide**2 * length).sum(dim=1) / 3
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)
    (found.sum().backward(), expected.sum().backward())
    torch.testing.assert_close(weights.grad.double(), wide.grad, rtol=1e-4, atol=1e-5)


def test_even_fog_between_two_distances_has_a_third_of_their_logarithms_difference():
    """The expected distance of two random points of a line is a third of its length."""
    edges = torch.linspace(math.log(2), math.log(7), 65).exp()[None]
    found = distortion(rendering(torch.full((1, 64), 1 / 64), edges))
    assert found.item() == pytest.approx(math.log(3.5) / 3, rel=1e-5)


def test_a_surface_costs_next_to_nothing_and_the_same_near_and_far():
    edges = torch.linspace(0, 3, 301).exp()[None]
    near, far, fog = torch.zeros(3, 1, 300)
    near[0, 10:12], far[0, 280:282], fog[0, 10:110] = 0.5, 0.5, 0.01
    surfaces = [distortion(rendering(weights, edges)).item() for weights in (near, far)]
    assert surfaces[0] == pytest.approx(surfaces[1], rel=1e-3)
    assert surfaces[0] == pytest.approx(0.02 / 3, rel=1e-3)
    assert distortion(rendering(fog, edges)).item() > 40 * surfaces[0]
