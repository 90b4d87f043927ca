"""Equation 10 against a loop, its invariance to cutting samples in two, and its gradients."""

import math

import numpy as np
import pytest
import torch

from nerfkit.fields import FieldSettings, make_field
from nerfkit.fields.object_box import Box
from nerfkit.fields.object_field import ObjectField, read_object_field, render_part, write_object_field
from nerfkit.fields.object_nerf import ObjectNerf
from nerfkit.object_rendering import FAR_LOGIT, MODES, mean_of, part_logit, part_weights
from nerfkit.rays import Rays

SMALL = FieldSettings(table_log2=10, levels=2, features=2, finest=32)
BOX = Box((-0.5, -0.5, -0.5), 1.0)


def case(rays=5, samples=9, seed=0):
    draw = torch.Generator().manual_seed(seed)
    density = 20 * torch.rand(rays, samples, generator=draw)
    share, delta = torch.rand(rays, samples, generator=draw), 0.1 * torch.rand(rays, samples, generator=draw)
    return density, share, delta


def slow_weights(density, share, delta, mode):
    """One ray, one sample at a time."""
    weights, passed = [], 1.0
    for sigma, p, length in zip(density.tolist(), share.tolist(), delta.tolist(), strict=True):
        if mode == "density":
            alpha = 1 - math.exp(-sigma * p * length)
        else:
            alpha = (1 - math.exp(-sigma * length)) * p
        weights.append(passed * alpha)
        passed *= 1 - alpha
    return weights


@pytest.mark.parametrize("mode", MODES)
def test_weights_are_those_of_a_loop(mode):
    density, share, delta = case()
    fast = part_weights(density, share, delta, mode)
    for ray in range(len(density)):
        slow = torch.tensor(slow_weights(density[ray], share[ray], delta[ray], mode))
        torch.testing.assert_close(fast[ray], slow, rtol=1e-4, atol=1e-6)


def test_cutting_samples_in_two_changes_alpha_times_p_alone():
    density, share, delta = case()
    halves = [value.repeat_interleave(2, dim=1) for value in (density, share, delta / 2)]
    whole, cut = (part_weights(*values).sum(1) for values in ((density, share, delta), halves))
    torch.testing.assert_close(whole, cut, rtol=1e-4, atol=1e-6)
    whole, cut = (
        part_weights(*values, "alpha_times_p").sum(1) for values in ((density, share, delta), halves)
    )
    assert (whole - cut).abs().max() > 0.01


def test_the_example_of_an_opaque_sample_of_little_probability():
    density, share, delta = torch.tensor([[-math.log(0.1)]]), torch.tensor([[0.1]]), torch.ones(1, 1)
    assert float(part_weights(density, share, delta)) == pytest.approx(1 - 0.1**0.1)
    assert float(part_weights(density, share, delta, "alpha_times_p")) == pytest.approx(0.09)


def test_a_share_of_one_is_the_scene_and_of_zero_is_nothing():
    density, _, delta = case()
    tau = density * delta
    everything = part_weights(density, torch.ones_like(density), delta)
    torch.testing.assert_close(everything.sum(1), 1 - torch.exp(-tau.sum(1)))
    assert float(part_weights(density, torch.zeros_like(density), delta).abs().max()) == 0


@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_finite_differences(mode):
    density, share, delta = (value.double() for value in case(2, 4))
    share = 0.2 + 0.6 * share
    values = torch.randn(2, 4, 3, dtype=torch.float64)

    def picture(density, share):
        weights = part_weights(density, share, delta, mode)
        return mean_of(values, weights), part_logit(values[..., 0], weights)

    torch.autograd.gradcheck(picture, (density.requires_grad_(), share.requires_grad_()))


def test_rays_through_nothing_have_the_score_of_the_far_particle():
    weights, logits = torch.zeros(3, 4), torch.full((3, 4), 5.0)
    assert part_logit(logits, weights).tolist() == [FAR_LOGIT] * 3


def rays_at_the_cube(count=40, seed=1):
    draw = torch.Generator().manual_seed(seed)
    origins = torch.nn.functional.normalize(torch.randn(count, 3, generator=draw), dim=1) * 2
    towards = torch.rand(count, 3, generator=draw) * 0.8 - 0.4
    directions = torch.nn.functional.normalize(towards - origins, dim=1)
    return Rays(origins, directions, torch.ones(count), torch.full((count,), 0.1), torch.full((count,), 9.0))


def test_edges_lie_in_the_cube_and_gather_where_the_grid_is_dense():
    rays, grid = rays_at_the_cube(), torch.zeros(16, 16, 16)
    grid[6:10, 6:10, 6:10] = 500.0
    edges = BOX.edges(grid, rays, 24, 0.25, None)
    assert (edges.diff(dim=1) >= -1e-5).all()
    points = rays.origins[:, None] + rays.directions[:, None] * edges[..., None]
    assert (points.abs() <= 0.5 + 1e-4).all()
    spread = BOX.edges(torch.zeros(16, 16, 16), rays, 24, 1.0, None).diff(dim=1)
    torch.testing.assert_close(spread, spread[:, :1].expand_as(spread), rtol=1e-2, atol=1e-4)
    at_centre = Rays(*(value[:1] for value in vars(rays).values()))
    at_centre.directions[:] = -at_centre.origins / at_centre.origins.norm()
    near = BOX.edges(grid, at_centre, 24, 0.25, None)[0]
    assert ((near - 2).abs() < 0.35).float().mean() > 0.6


def test_the_cube_leaves_room_behind_what_was_seen_from_one_side():
    front = np.random.default_rng(0).uniform([-1, -1, 0], [1, 1, 0.2], (2000, 3))
    camera = np.array([0, 0, -5.0])
    box = Box.around(front, np.broadcast_to(camera, front.shape), 0.1, outliers=0)
    assert box.side == pytest.approx(2.4, rel=0.01)
    assert box.low[2] < -0.15
    assert box.low[2] + box.side > 2.0
    both = np.concatenate([front, front])
    cameras = np.repeat([camera, -camera], len(front), axis=0)
    assert Box.around(both, cameras, 0.1).centre[2] == pytest.approx(0.1, abs=0.05)


def test_rays_that_miss_the_cube_meet_nothing():
    rays = rays_at_the_cube(4)
    rays.directions[:] *= -1
    enter, leave = BOX.crossing(rays)
    assert torch.equal(enter, leave)
    field = ObjectField(make_field(SMALL, 0), BOX)
    assert float(field.trace_object(rays).accumulation.detach().abs().max()) == 0


@pytest.mark.parametrize("model", ["hash", "mlp"])
def test_object_and_rest_share_the_scene_between_them(model):
    torch.manual_seed(0)
    field = ObjectField(make_field(FieldSettings(**{**vars(SMALL), "model": model}), 0), BOX)
    field.objectness.logit.bias.data.fill_(40.0)  # everything is object
    rays = rays_at_the_cube()
    with torch.no_grad():
        whole, own, rest = field.trace(rays), field.trace_object(rays), ObjectNerf(field).trace(rays)
    assert (own.accumulation <= whole.accumulation + 0.02).all()
    assert float(rest.accumulation.abs().max()) == 0
    field.objectness.logit.bias.data.fill_(-40.0)
    with torch.no_grad():
        nothing, everything = field.trace_object(rays), ObjectNerf(field).trace(rays)
        seen = field.look(rays, everything.edges)
    assert float(nothing.accumulation.max()) < 1e-6
    scene = part_weights(seen.density, torch.ones_like(seen.density), seen.delta).sum(1)
    torch.testing.assert_close(everything.accumulation, scene)
    # each looks at samples of its own, and an untrained network is noise
    torch.testing.assert_close(scene, whole.accumulation, rtol=0, atol=0.03)


def test_sampled_density_and_colour_are_those_of_the_traced_scene():
    scene, rays = make_field(SMALL, 0), rays_at_the_cube()
    scene.column_bias.data[0] = 4.0
    with torch.no_grad():
        traced = scene.trace(rays)
        middle = 0.5 * (traced.edges[:, 1:] + traced.edges[:, :-1])
        points = rays.origins[:, None] + rays.directions[:, None] * middle[..., None]
        flat = points.reshape(-1, 3)
        density, columns = scene.sample(flat, flat)
        weights = part_weights(
            density.reshape(middle.shape), torch.ones_like(middle), traced.edges.diff(dim=1)
        )
        colour = scene.shade(mean_of(columns.reshape(*middle.shape, -1), weights), rays.directions)
    torch.testing.assert_close(weights.sum(1), traced.accumulation, rtol=1e-2, atol=2e-3)
    opaque = traced.accumulation > 0.99
    assert opaque.any()
    torch.testing.assert_close(colour[opaque], traced.rgb[opaque], rtol=1e-2, atol=1e-2)


def test_the_picture_moves_the_objectness_always_and_the_scene_where_it_adapts():
    for adapts in (False, True):
        field = ObjectField(make_field(SMALL, 0), BOX, adapts=adapts)
        picture = field.trace_object(rays_at_the_cube(), torch.Generator())
        (picture.over(torch.zeros(3)).sum() + picture.accumulation.sum()).backward()
        assert float(field.objectness.table.grad.abs().max()) > 0
        assert (field.scene_field.table.grad is not None) == adapts
        assert len(field.parameter_groups(SMALL)) == (4 if adapts else 2)


def test_a_picture_that_is_not_live_leaves_the_scene_alone():
    field = ObjectField(make_field(SMALL, 0), BOX, adapts=True)
    field.trace_object(rays_at_the_cube(), torch.Generator(), live=False).accumulation.sum().backward()
    assert float(field.objectness.table.grad.abs().max()) > 0
    assert field.scene_field.table.grad is None


def test_rays_meet_a_ball_as_its_equation_says():
    rays = rays_at_the_cube(400)
    centres = BOX.voxel_centres(96).reshape(96, 96, 96, 3)
    met = BOX.meets(centres.norm(dim=-1) < 0.3, rays)
    along = (rays.origins * rays.directions).sum(1, keepdim=True)
    passing = (rays.origins - along * rays.directions).norm(dim=1)
    assert met[passing < 0.28].all()
    assert not met[passing > 0.32].any()
    assert 0 < met.sum() < len(met)


def test_rays_that_pass_by_the_matter_are_empty_and_change_no_other():
    rays = rays_at_the_cube(64)
    field = ObjectField(make_field(SMALL, 3), BOX).eval()
    field.matter[48:] = 0
    whole = field.trace_object(rays)
    met = BOX.meets(field.matter > 0, rays)
    assert 0 < met.sum() < len(met)
    alone = field.trace_object(rays[met])
    for name, value in vars(whole).items():
        torch.testing.assert_close(value[met], getattr(alone, name))
    assert (whole.accumulation[~met] == 0).all()
    assert (whole.logit[~met] == FAR_LOGIT).all()


def test_the_file_holds_the_whole_field(tmp_path):
    field = ObjectField(make_field(SMALL, 3), BOX, mode="alpha_times_p").eval()
    field.kept[:40] = 0
    field.filled[3, 50:60, 50:60, 50:60] = 30.0
    write_object_field(tmp_path / "object_field.safetensors", field)
    again = read_object_field(tmp_path / "object_field.safetensors")
    rays = rays_at_the_cube()
    first, second = render_part(field.trace_object, rays), render_part(again.trace_object, rays)
    assert again.mode == "alpha_times_p"
    for name, value in vars(first).items():
        torch.testing.assert_close(value, getattr(second, name))
