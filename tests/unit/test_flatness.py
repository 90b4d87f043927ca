"""Bare lines: where they lie, when they speak, and what bends them."""

import numpy as np
import pytest
import torch

from nerfkit.cameras import Camera
from nerfkit.objectives.flatness import REACH, SHARE, STOPS, bareness, flatness_part, lines, mean_colours
from nerfkit.rays import PixelBank
from nerfkit.rendering import Rendering
from nerfkit.scene import View

SIZES = [(64, 48), (40, 56)]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def bank(colour=0.5, sizes=SIZES):
    """Views of different sizes through an ideal lens, of one colour each."""
    views, images = [], []
    for number, (width, height) in enumerate(sizes):
        pose = np.eye(4)
        pose[:3, 3] = [0.3 * number, 0.1, 0]
        camera = Camera(width, height, 50, 52, width / 2, height / 2)
        views.append(View(str(number), "train", camera, pose, 1.0, 9.0, None))
        images.append(np.full((height, width, 3), round(255 * colour), np.uint8))
    return PixelBank(views, images)


def rendering(depth):
    """A rendering of which only the depth is read."""
    nothing = torch.empty(0)
    return Rendering(nothing, nothing, depth, nothing, nothing, nothing)


def plane_depth(rays, normal, offset):
    """z-depth at which rays meet the plane normal . x = offset."""
    normal = torch.tensor(normal)
    return (offset - rays.origins @ normal) / (rays.directions @ normal) * rays.cosines


def test_lines_are_straight_evenly_spaced_and_within_one_photo(generator):
    pixels = bank()
    drawn = lines(pixels, 4000, generator)
    assert drawn.shape[1] == STOPS
    assert len(drawn) > 2000
    view = torch.bucketize(drawn, pixels.starts, right=True) - 1
    assert (view == view[:, :1]).all()
    width = torch.tensor([w for w, _ in SIZES])[view]
    local = drawn - pixels.starts[view]
    xy = torch.stack([local % width, local // width], dim=-1)
    steps = xy.diff(dim=1)
    assert (steps == steps[:, :1]).all()
    assert steps.any(dim=2).all()
    longest = (2 * steps[:, 0].float()).norm(dim=1).max()
    assert 0.6 * REACH * 64 < longest <= REACH * 64 + 2


def test_planes_are_not_bent_and_balls_are(generator):
    part = flatness_part(bank(), 8000, generator, nearest=1.0, weight=1.0)
    slanted = plane_depth(part.rays, [0.3, -0.2, 1.0], 4.0)
    assert part.terms(rendering(slanted))["flatness"] < 1e-6
    axis = part.rays.directions[:, 2]
    ball = (4 * axis - (16 * axis**2 - 15).clamp_min(0).sqrt()) * part.rays.cosines
    assert part.terms(rendering(ball))["flatness"] > 1e-4


def test_the_error_is_the_mean_over_all_lines_times_the_weight(generator):
    pixels = bank()
    part = flatness_part(pixels, 8000, generator, nearest=2.0, weight=3.0)
    depth = torch.rand(len(part.rays)) + 1
    a, b, c = (2.0 / depth).chunk(3)
    expected = 3.0 * (a + c - 2 * b).abs().sum() / (8000 // SHARE)
    torch.testing.assert_close(part.terms(rendering(depth))["flatness"], expected)


def test_only_bare_lines_speak():
    even, edge = torch.full((1, STOPS, 3), 0.4), torch.full((1, STOPS, 3), 0.4)
    edge[0, 3:, 1] += 0.2
    assert bareness(even) == 1
    assert bareness(edge) < 1e-6
    striped = bank()
    striped.rgb[::2] = 0
    every = flatness_part(bank(), 4000, torch.Generator().manual_seed(1), 1.0, 1.0)
    some = flatness_part(striped, 4000, torch.Generator().manual_seed(1), 1.0, 1.0)
    assert len(some.rays) < 0.6 * len(every.rays)


def test_what_counts_is_the_mean_colour_of_a_square_within_its_photo(generator):
    sizes = [(700, 9), (40, 30)]
    pixels = bank(sizes=sizes)
    pixels.rgb = torch.randint(0, 256, pixels.rgb.shape, generator=generator, dtype=torch.uint8)
    index = torch.randint(len(pixels), (50, 3), generator=generator)
    found = mean_colours(pixels, index)
    photos = pixels.rgb.split([width * height for width, height in sizes])
    shapes = [(height, width, 3) for width, height in sizes]
    margin = ((2, 2), (2, 2), (0, 0))
    padded = [np.pad(p.reshape(s) / 255, margin, "edge") for p, s in zip(photos, shapes, strict=True)]
    for flat, colour in zip(index.flatten().tolist(), found.reshape(-1, 3), strict=True):
        view = int(flat >= 700 * 9)
        row, column = divmod(flat - 700 * 9 * view, sizes[view][0])
        expected = padded[view][row : row + 5, column : column + 5].mean(axis=(0, 1))
        np.testing.assert_allclose(colour.numpy(), expected, atol=1e-5)


def test_the_noise_of_a_large_photo_leaves_a_surface_bare(generator):
    pixels = bank(sizes=[(1000, 600)])
    noise = 8 * torch.randn(pixels.rgb.shape, generator=generator)
    pixels.rgb = (pixels.rgb + noise).clamp(0, 255).to(torch.uint8)
    stops = lines(pixels, 2000, generator)
    assert bareness(pixels.colours(stops)).mean() < 0.1
    assert bareness(mean_colours(pixels, stops)).mean() > 0.5


def test_lines_through_what_is_not_allowed_say_nothing(generator):
    pixels = bank()
    allowed = torch.ones(len(pixels), dtype=torch.bool)
    allowed[: SIZES[0][0] * SIZES[0][1]] = False
    part = flatness_part(pixels, 4000, generator, 1.0, 1.0, allowed)
    assert len(part.rays)
    assert (part.rays.origins[:, 0] == pixels.poses[1, 0, 3]).all()


def test_lines_through_what_is_transparent_say_nothing(generator):
    pixels = bank()
    pixels.opacity = torch.full((len(pixels),), 255, dtype=torch.uint8)
    pixels.opacity[: SIZES[0][0] * SIZES[0][1]] = 0
    part = flatness_part(pixels, 4000, generator, 1.0, 1.0)
    assert len(part.rays)
    assert (part.rays.origins[:, 0] == pixels.poses[1, 0, 3]).all()
