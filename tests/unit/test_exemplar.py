"""The patch completion: kernels against slow references, texture against OpenCV's smearing."""

import cv2
import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.inpainting import patchmatch
from nerfkit.inpainting.exemplar import ExemplarInpainter
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.levels import Level
from nerfkit.inpainting.regions import grown, shrunk
from nerfkit.inpainting.seams import without_seams


def stripes(height=120, width=160, period=12, slope=0.4):
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.4 * np.sign(np.sin(2 * np.pi * (x + slope * y) / period))
    return np.repeat((wave * 255).astype(np.uint8)[..., None], 3, axis=2)


def checker(height=120, width=160, side=9):
    y, x = np.mgrid[:height, :width] // side
    return np.stack([60 + 120 * ((x + y) % 2)] * 3, axis=2).astype(np.uint8)


def square_hole(height=120, width=160, size=44):
    hole = np.zeros((height, width), bool)
    hole[40 : 40 + size, 60 : 60 + size] = True
    return hole


def error(filled, truth, hole):
    return float(np.abs(filled.astype(float) - truth)[hole].mean() / 255)


@pytest.mark.parametrize("texture", [stripes, checker])
def test_texture_goes_on_where_opencv_smears(texture):
    truth, hole = texture(), square_hole()
    photo = np.where(hole[..., None], np.uint8(200), truth)
    ours = ExemplarInpainter().fill(photo, hole)
    rivals = [
        cv2.inpaint(photo, hole.astype(np.uint8), 5, way) for way in (cv2.INPAINT_TELEA, cv2.INPAINT_NS)
    ]
    assert error(ours, truth, hole) < 0.05
    assert error(ours, truth, hole) < 0.25 * min(error(rival, truth, hole) for rival in rivals)


def test_pixels_outside_the_hole_are_untouched_and_the_input_too():
    rng = np.random.default_rng(0)
    photo, hole = rng.integers(0, 256, (60, 90, 3), np.uint8), np.zeros((60, 90), bool)
    hole[20:40, 30:55] = True
    before = photo.copy()
    filled = ExemplarInpainter().fill(photo, hole)
    assert np.array_equal(photo, before)
    assert np.array_equal(filled[~hole], photo[~hole])
    assert not np.array_equal(filled[hole], photo[hole])


def test_hidden_pixels_have_no_influence():
    truth, hole = checker(100, 120), square_hole(100, 120, 20)
    one, other = (np.where(hole[..., None], np.uint8(shade), truth) for shade in (0, 255))
    assert np.array_equal(ExemplarInpainter().fill(one, hole), ExemplarInpainter().fill(other, hole))


def test_same_seed_same_fill_another_seed_another_one():
    rng = np.random.default_rng(1)
    photo = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3), np.uint8), (0, 0), 1.5)
    hole = square_hole(90, 120, 30)
    first, again, other = (ExemplarInpainter(seed=seed).fill(photo, hole) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("corner", [(0, 0), (80, 0), (0, 110), (75, 110)])
def test_hole_at_the_border_is_filled(corner):
    truth = checker(121, 163)
    hole = np.zeros((121, 163), bool)
    hole[corner[0] : corner[0] + 46, corner[1] : corner[1] + 53] = True
    photo = np.where(hole[..., None], np.uint8(255), truth)
    assert error(ExemplarInpainter().fill(photo, hole), truth, hole) < 0.15


def test_no_hole_nothing_to_do_and_no_exemplar_one_sentence():
    photo = checker()
    assert np.array_equal(ExemplarInpainter().fill(photo, np.zeros((120, 160), bool)), photo)
    with pytest.raises(UserError, match="no part of its photo to take a fill from"):
        ExemplarInpainter().fill(photo, np.ones((120, 160), bool))


def test_guide_chooses_among_equal_textures():
    # Two textures left and right of a grey field; the guide says which of them the hole belongs to.
    photo = np.full((120, 200, 3), 128, np.uint8)
    photo[:, :60], photo[:, 140:] = stripes(120, 60), checker(120, 60)
    hole = np.zeros((120, 200), bool)
    hole[30:90, 75:125] = True
    for side, value in ((stripes, 0.2), (checker, 0.9)):
        disparity = np.full((120, 200), 0.55, np.float32)
        disparity[:, :60], disparity[:, 140:], disparity[hole] = 0.2, 0.9, value
        lens = Camera(200, 120, 150, 150, 100, 60)
        xy = lens.unproject(lens.pixel_centres()).reshape(120, 200, 2)
        guide = Guide(disparity, lens, xy)
        filled = ExemplarInpainter().fill(photo, hole, guide)[40:80, 85:115].astype(int)
        shades = {128, *np.unique(side()).tolist()}
        nearest = np.abs(filled[..., 0, None] - np.array(sorted(shades))).min(axis=-1)
        assert np.median(nearest) <= 4, side.__name__


@pytest.mark.parametrize("seed", [1, 2])
def test_colours_end_where_their_surface_does(seed):
    """A round bush before a floor, both equally far away in the middle of the hole."""
    lens = Camera(200, 120, 150, 150, 100, 60)
    xy = lens.unproject(lens.pixel_centres()).reshape(120, 200, 2)
    rows, columns = np.mgrid[:120, :200]
    bush = np.hypot(rows - 40, columns - 60) < 60
    hole = np.hypot(rows - 75, columns - 105) < 28
    noise = np.random.default_rng(seed).normal(0, 20, (120, 200, 1))
    photo = (np.where(bush[..., None], [60, 120, 50], [130, 120, 110]) + noise).clip(0, 255).astype(np.uint8)
    disparity = np.where(bush, 0.5, 0.5 + 0.5 * xy[..., 1]).astype(np.float32)
    filled = ExemplarInpainter().fill(photo * ~hole[..., None], hole, Guide(disparity, lens, xy)).astype(int)
    green = filled[..., 1] - filled[..., 2] > 40
    assert (green != bush)[hole].mean() < 0.025


def test_a_shaded_wall_is_filled_without_steps():
    rows, columns = np.mgrid[:120, :160]
    wall = np.stack([0.5 + 0.001 * columns, 0.5 - 0.001 * rows, 0.4 + 0.0005 * columns], axis=2)
    photo = (255 * wall + np.random.default_rng(0).normal(0, 1, wall.shape) + 0.5).astype(np.uint8)
    hole = square_hole()
    filled = ExemplarInpainter().fill(photo, hole).astype(float)
    smooth = cv2.GaussianBlur(filled, (0, 0), 2)
    steps = np.abs(np.diff(smooth, axis=1)).max(axis=2)[grown(hole, 3)[:, 1:]]
    assert steps.max() < 3
    assert np.abs(smooth - 255 * wall)[hole].max() < 8


def test_seams_go_and_edges_stay():
    image = np.full((40, 60, 3), 0.5, np.float32)
    image[:, 30:] = 0.9
    hole = np.zeros((40, 60), bool)
    hole[10:30, 20:40] = True
    filled = image.copy()
    filled[10:30, 20:25] += 0.06
    filled[10:20, 35:40] -= 0.05
    match = np.stack(np.mgrid[:40, :60], axis=2)
    match[10:30, 20:30] = (5, 10)
    match[10:30, 30:40] = (5, 50)
    even = without_seams(filled, match, hole, ~hole)
    np.testing.assert_allclose(even, image, atol=1e-6)
    np.testing.assert_array_equal(even[~hole], filled[~hole])


def test_a_step_that_no_source_has_is_a_seam_unless_it_is_large():
    """Between two pieces of a shaded wall that differ by 0.15, and between a wall and a door."""
    hole = np.zeros((40, 60), bool)
    hole[10:30, 20:40] = True
    match = np.broadcast_to([5, 10], (40, 60, 2))
    for step, left in ((0.15, 0.0), (0.4, 0.4)):
        image = np.full((40, 60, 3), 0.4, np.float32)
        image[10:30, 30:40] += step
        even = without_seams(image, match, hole, ~hole)
        assert np.abs(np.diff(even[20, 25:35], axis=0)).max() == pytest.approx(left, abs=0.02)


def test_what_ends_in_the_hole_is_held_by_its_own_colours():
    """Known on the left alone, of sources that are a little brighter from pixel to pixel."""
    image = np.full((20, 80, 3), 0.5, np.float32)
    image[:, :20] += 0.02 * np.arange(20, dtype=np.float32)[None, :, None] - 0.38
    hole = np.zeros((20, 80), bool)
    hole[:, 20:] = True
    match = np.broadcast_to([10, 10], (20, 80, 2))
    free, held = (without_seams(image, match, hole, ~hole, pull) for pull in (1e-9, 0.01))
    assert free[10, 79, 0] > 0.5 + 60 * 0.005
    assert abs(held[10, 79, 0] - 0.5) < 0.1
    np.testing.assert_array_equal(held[~hole], image[~hole])
    assert np.abs(np.diff(held[10, 19:30, 0])).max() < 0.03


def random_field(seed, shape=(30, 34), radius=2, channels=3):
    rng = np.random.default_rng(seed)
    pixels = rng.random((*shape, channels), np.float32)
    usable = rng.random(shape) > 0.15
    source = shrunk(np.ones(shape, bool), radius)
    targets = np.argwhere(source & (rng.random(shape) > 0.4))
    match = np.zeros((*shape, 2), np.int64)
    everywhere = np.argwhere(source)
    match[tuple(targets.T)] = everywhere[rng.integers(0, len(everywhere), len(targets))]
    return pixels, usable, source, targets, match


def slow_cost(pixels, usable, target, source, radius, place):
    square = [(dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
    offsets = [o for o in square if usable[target[0] + o[0], target[1] + o[1]]]
    differences = [
        ((pixels[target[0] + y, target[1] + x] - pixels[source[0] + y, source[1] + x]) ** 2).sum()
        for y, x in offsets
    ]
    return np.mean(differences) + place * ((target - source) ** 2).sum()


@pytest.mark.parametrize("holes_in_patch", [False, True])
def test_costs_agree_with_the_definition(holes_in_patch):
    radius, place = 2, 3e-4
    pixels, usable, _, targets, match = random_field(5)
    usable = usable if holes_in_patch else np.ones_like(usable)
    cost = np.full(usable.shape, np.inf, np.float32)
    whole = shrunk(usable, radius)
    flat = pixels.reshape(len(pixels), -1)
    patchmatch.measure(flat, usable, whole, targets, match, cost, radius, np.float32(place))
    expected = [slow_cost(pixels, usable, t, match[tuple(t)], radius, place) for t in targets]
    np.testing.assert_allclose(cost[tuple(targets.T)], expected, rtol=2e-5)


def test_exact_search_finds_the_minimum_and_sweeps_approach_it():
    radius, place = 2, np.float32(0)
    pixels, _, source, targets, match = random_field(6)
    usable = np.ones_like(source)
    arrays = (pixels.reshape(len(pixels), -1), usable, shrunk(usable, radius))
    # Sources and targets are kept apart: a patch's best source would be itself.
    source[:, 17:], targets = False, targets[targets[:, 1] > 19]
    exact, found = (np.full(usable.shape, np.inf, np.float32) for _ in range(2))
    sources = np.argwhere(source)
    patchmatch.search_all(*arrays, sources, targets, match.copy(), exact, radius, place)
    one = targets[7]
    assert np.isclose(
        exact[tuple(one)], min(slow_cost(pixels, usable, one, s, radius, 0) for s in sources), rtol=2e-5
    )
    match[tuple(targets.T)] = sources[np.arange(len(targets)) % len(sources)]
    state = np.array([12345], np.uint64)
    patchmatch.measure(*arrays, targets, match, found, radius, place)
    where = tuple(targets.T)
    start = found[where].copy()
    for sweep in range(30):
        before = found[where].copy()
        rest = (targets, match, found, radius, place, sweep % 2 == 1, state)
        patchmatch.improve(*arrays, source, *rest)
        assert (found[where] <= before).all()
    assert source[tuple(match[where].T)].all()
    gap, first_gap = (found[where] - exact[where]).mean(), (start - exact[where]).mean()
    assert -1e-6 <= gap < 0.2 * first_gap  # noise: the worst case, nothing coherent to propagate


def test_vote_is_the_weighted_mean_of_the_proposals():
    radius, sharpness = 2, 3.0
    pixels, usable, _, targets, match = random_field(8)
    rng = np.random.default_rng(9)
    cost = np.full(usable.shape, np.inf, np.float32)
    cost[tuple(targets.T)] = rng.random(len(targets))
    trust = rng.random(usable.shape).astype(np.float32)
    painted = np.array([[10, 12], [15, 20], [8, 25]])
    flat = pixels.reshape(len(pixels), -1)
    votes = patchmatch.vote(flat, painted, match, cost, trust, np.float32(sharpness), radius)
    for p, vote in zip(painted, votes, strict=True):
        near = [t for t in targets if np.abs(t - p).max() <= radius]
        weights = np.array([trust[tuple(t)] * np.exp(-sharpness * cost[tuple(t)]) for t in near])
        proposals = np.array([pixels[tuple(match[tuple(t)] + p - t)] for t in near])
        np.testing.assert_allclose(vote, (weights[:, None] * proposals).sum(0) / weights.sum(), rtol=2e-5)


def test_coarser_level_averages_known_pixels_only():
    pixels = np.zeros((4, 4, 5), np.float32)
    pixels[..., 0] = np.arange(16).reshape(4, 4)
    hole = np.zeros((4, 4), bool)
    hole[0, 0] = True
    half = Level(pixels, hole, np.ones((4, 4), bool)).half()
    assert np.array_equal(half.hole, [[True, False], [False, False]])
    assert half.pixels[0, 0, 0] == pytest.approx((1 + 4 + 5) / 3)
    assert half.pixels[1, 1, 0] == pytest.approx((10 + 11 + 14 + 15) / 4)


def test_grown_and_shrunk_are_squares():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert grown(mask, 2).sum() == 25
    assert np.array_equal(np.argwhere(shrunk(grown(mask, 2), 2)), [[4, 4]])
    assert shrunk(np.ones((9, 9), bool), 2).sum() == 25  # nothing is known outside the picture
