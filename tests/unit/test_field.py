"""Fields learn a scene of closed form; stages write what they say; kernels and seeds do what they promise."""

import dataclasses
import itertools

import analytic
import numpy as np
import pytest
import torch

from nerfkit.depth import depth
from nerfkit.errors import UserError
from nerfkit.field import field
from nerfkit.fields import FieldSettings, make_field, read_field
from nerfkit.fields.hash_field import choose_kernel, spherical_harmonics
from nerfkit.fields.mlp_field import resample
from nerfkit.files import read_json
from nerfkit.objectives.photometric import Photometric, disparity_error, squared_error
from nerfkit.rays import PixelBank, view_rays
from nerfkit.rendering import render_view
from nerfkit.training import means, train

SMALL = FieldSettings(
    steps=600, rays_start=256, rays_end=256, table_log2=12, finest=64, samples=16, render_samples=48
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A capture and its scene field, trained by the stage."""
    root = tmp_path_factory.mktemp("field")
    analytic.write_capture(root)
    field(root / "photos", root / "sfm", root / "field", SMALL, seed=0)
    return root


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(a - b).mean()))


def test_the_field_renders_an_unseen_view_and_its_depth(trained):
    model = read_field(trained / "field" / "field.safetensors")
    pose = analytic.pose(0.2)
    shot = analytic.shoot(pose)
    got = render_view(model, analytic.LENS, pose, analytic.NEAR, analytic.FAR)
    assert psnr(got.rgb, shot.rgb / 255) > 22
    relative = np.abs(got.depth - shot.depth) / shot.depth
    assert np.median(relative) < 0.06
    assert got.rgb.shape == (36, 48, 3)
    assert np.median(got.accumulation) > 0.8


def test_the_stage_writes_its_curve_and_manifest(trained):
    rows = (trained / "field" / "field.csv").read_text().splitlines()
    assert rows[0].split(",")[:3] == ["step", "seconds", "loss"]
    assert len(rows) == 1 + SMALL.steps // 50
    manifest = read_json(trained / "field" / "field.json")
    assert manifest["views"] == 10
    assert manifest["train_psnr"] > 20
    assert "field.safetensors" in manifest["files"]


def test_depth_is_rendered_for_every_view_as_float(trained):
    depth(trained / "photos", trained / "sfm", trained / "field", trained / "depth")
    with np.load(trained / "depth" / "depth.npz") as data:
        assert sorted(data) == [f"v{i:02d}" for i in range(10)]
        shot = analytic.shoot(analytic.pose(analytic.angles(10)[4]))
        assert data["v04"].dtype == np.float32
        assert np.median(np.abs(data["v04"] - shot.depth) / shot.depth) < 0.06


@pytest.mark.parametrize("model", ["hash", "mlp"])
def test_a_seed_decides_everything(trained, model):
    settings = dataclasses.replace(SMALL, model=model, steps=3, rays_start=32, rays_end=32)
    bank = PixelBank(analytic.views(trained / "photos"))
    states = []
    for seed in (0, 0, 1):
        made = make_field(settings, seed)
        for _ in train(made, Photometric(bank), settings, seed):
            pass
        states.append(torch.cat([p.detach().flatten() for p in made.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_the_mlp_learns_too(trained):
    """A handful of pixels, again and again, is learned by both networks."""
    settings = dataclasses.replace(SMALL, model="mlp", net_rate=1e-3, warmup=1, steps=25)
    bank = PixelBank(analytic.views(trained / "photos"))
    index = torch.arange(0, len(bank), len(bank) // 16)

    def few(model, count, done, generator):
        return squared_error(model.trace(bank.rays(index), generator), bank.colours(index), 1.0)

    records = list(train(make_field(settings, 0), few, settings, 0))
    for term in ("rgb", "diffuse"):
        assert means(records[-5:])[term] < 0.8 * records[0][term]


def test_a_loss_that_is_not_finite_names_step_and_terms(trained):
    bank = PixelBank(analytic.views(trained / "photos"))

    def broken(model, count, done, generator):
        terms = Photometric(bank)(model, count, done, generator)
        return terms | {"extra": terms["rgb"] * (float("nan") if done >= 0.5 else 1)}

    settings = dataclasses.replace(SMALL, steps=4, rays_start=8, rays_end=8)
    with pytest.raises(UserError, match=r"step 2: .*'extra': nan"):
        list(train(make_field(settings, 0), broken, settings, 0))


def test_rays_grow_and_rates_decay_over_the_training(trained):
    seen = []

    def spy(model, count, done, generator):
        seen.append((count, done))
        return {"x": model.column_bias.square().sum()}

    settings = dataclasses.replace(SMALL, steps=10, rays_start=100, rays_end=400)
    list(train(make_field(settings, 0), spy, settings, 0))
    assert next(count for count, _ in seen) == 100
    assert seen[5] == (200, 0.5)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(seen))


@pytest.mark.parametrize("steps", [7, 400])
def test_what_is_left_is_the_mean_over_the_end(trained, steps):
    """Against a slow mean of all the values that a parameter had; short trainings forget their start, too."""
    settings = dataclasses.replace(SMALL, steps=steps, rays_start=8, rays_end=8, net_rate=0.1, final_rate=1.0)
    values, model = [], make_field(settings, 0)

    def wander(model, count, done, generator):
        return {"x": (model.column_bias * torch.randn(4, generator=generator)).sum()}

    for _ in train(model, wander, settings, 0):
        values.append(model.column_bias.detach().clone())
    between = max(steps // 200, 1)
    mean = values[between - 1]
    for number, value in enumerate(values[between - 1 :: between], start=1):
        mean = mean + max(0.1, 1 / number) * (value - mean)
    torch.testing.assert_close(model.column_bias.detach(), mean)
    assert not torch.allclose(mean, values[-1])


def test_rendering_is_the_same_in_chunks_and_whole(trained):
    model = read_field(trained / "field" / "field.safetensors")
    rays = view_rays(analytic.LENS, analytic.pose(0.2), analytic.NEAR, analytic.FAR)
    with torch.no_grad():
        whole, half = model.trace(rays), model.trace(rays[:500])
    torch.testing.assert_close(whole.rgb[:500], half.rgb)
    torch.testing.assert_close(whole.weights.sum(1), torch.ones(len(rays)), atol=2e-4, rtol=0)


def test_the_reference_kernel_renders_what_numba_renders(trained):
    model = read_field(trained / "field" / "field.safetensors")
    arguments = (analytic.LENS, analytic.pose(0.1), analytic.NEAR, analytic.FAR)
    fast = render_view(model, *arguments)
    model.kernel = choose_kernel("reference")
    slow = render_view(model, *arguments)
    assert np.abs(fast.rgb - slow.rgb).max() < 0.02
    assert np.median(np.abs(fast.rgb - slow.rgb)) < 1e-4


def test_numba_on_another_device_is_refused():
    with pytest.raises(UserError, match="numba runs on the CPU only"):
        choose_kernel("numba", "cuda")


def test_spherical_harmonics_are_orthonormal():
    directions = torch.nn.functional.normalize(torch.randn(200_000, 3, generator=torch.Generator()), dim=1)
    basis = spherical_harmonics(directions)
    gram = 4 * torch.pi * basis.T @ basis / len(basis)
    torch.testing.assert_close(gram, torch.eye(9), atol=0.03, rtol=0)


def test_resampling_follows_the_weights():
    edges = torch.linspace(0, 4, 5)[None]
    drawn = resample(edges, torch.tensor([[0.0, 3.0, 1.0, 0.0]]), 400, None)[0]
    assert ((drawn >= 1) & (drawn <= 2)).float().mean() == pytest.approx(0.75, abs=0.01)
    assert ((drawn >= 2) & (drawn <= 3)).float().mean() == pytest.approx(0.25, abs=0.01)


def test_disparity_error_is_its_formula():
    depth_, truth = torch.tensor([2.0, 4.0]), torch.tensor([0.25, 0.25])
    assert disparity_error(depth_, truth, 1.0) == pytest.approx((0.25**2 + 0) / 2)
    assert disparity_error(depth_, truth, 1.0, torch.tensor([0.0, 1.0])) == 0


def test_a_field_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"field\.safetensors is not there"):
        read_field(tmp_path / "field.safetensors")
