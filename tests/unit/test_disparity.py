"""Completion of disparity on ray-cast planes with a box in front, where the truth is known."""

import cv2
import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.inpainting.disparity import complete_disparity, surfaces
from nerfkit.inpainting.planes import design, find_planes
from nerfkit.inpainting.regions import grown
from nerfkit.membrane import membrane

LENS = Camera(252, 142, 192.0, 192.0, 126.0, 71.0, k1=0.03)
XY = LENS.unproject(LENS.pixel_centres()).reshape(142, 252, 2)
EYE = np.array([0.0, -1.2, 0.0])  # y points down, the table is y = 0
PITCH = 0.45


def plane_depth(normal, offset):
    """z-depth of the plane normal . x = offset at every pixel, infinite behind the camera."""
    rays = world_rays()
    with np.errstate(divide="ignore"):
        t = (offset - EYE @ np.asarray(normal, float)) / (rays @ np.asarray(normal, float))
    return np.where(t > 0, t, np.inf)


def world_rays():
    c, s = np.cos(PITCH), np.sin(PITCH)
    return design(XY) @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]).T


def place(kind):
    """z-depth of a place without its box."""
    table = plane_depth([0, 1, 0], 0)
    ground = world_rays() * np.where(np.isfinite(table), table, 0)[..., None]
    far = np.hypot(ground[..., 0] * 0.3, ground[..., 2])
    return {
        "table": table,
        "wall": np.minimum(table, plane_depth([0.1, 0, 1], 3.2)),
        "edge": np.minimum(np.where(ground[..., 2] < 3, table, np.inf), plane_depth([0, 0.05, 1], 6)),
        "floor": np.where(ground[..., 2] + 0.5 * ground[..., 0] < 2.9, table, plane_depth([0, 1, 0], 0.9)),
        "curved": 2 + 0.1 * np.sin(6 * XY[..., 0]) + 0.05 * far.clip(0, 4),
    }[kind]


def box_depth():
    """z-depth of a box on the table, infinite beside it."""
    low, high = np.array([-0.35, -0.7, 2.2]), np.array([0.35, 0, 2.7])
    first, second = ((edge - EYE) / world_rays() for edge in (low, high))
    near, far = np.minimum(first, second).max(axis=-1), np.maximum(first, second).min(axis=-1)
    return np.where((near < far) & (near > 0), near, np.inf)


def photograph(kind, noise=0.0):
    """Normalised disparity with the box in front, the truth without it, and the dilated mask."""
    behind, box = place(kind), box_depth()
    seen = np.minimum(behind, box)
    near = seen.min()
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(size=seen.shape), (0, 0), 2)
    disparity = near / seen * (1 + noise * grain / grain.std())
    return disparity.astype(np.float32), near / behind, grown(box < behind, 3)


def relative_depth_error(filled, truth, hole):
    where = hole & (truth > 0.01)
    return float(np.median(np.abs(truth[where] / np.maximum(filled[where], 1e-6) - 1)))


@pytest.mark.parametrize("kind", ["table", "wall", "edge", "floor"])
@pytest.mark.parametrize(("noise", "allowed"), [(0.0, 0.002), (0.01, 0.012)])
def test_planes_go_on_behind_the_object(kind, noise, allowed):
    disparity, truth, hole = photograph(kind, noise)
    filled = complete_disparity(disparity, hole, XY)
    assert relative_depth_error(filled, truth, hole) < allowed
    assert np.array_equal(filled[~hole], disparity[~hole])
    if kind != "table":  # what a film alone or one plane alone would make of it
        film = membrane(disparity, grown(hole, 1) & ~hole, hole)
        assert relative_depth_error(film, truth, hole) > 3 * allowed


@pytest.mark.parametrize("kind", ["wall", "edge", "floor"])
def test_surfaces_have_their_numbers_in_the_hole_too(kind):
    disparity, _, hole = photograph(kind, 0.003)
    number = surfaces(complete_disparity(disparity, hole, XY), hole, XY)
    table = place(kind) == place("table")
    mine = np.bincount(number[table & ~hole] + 1).argmax() - 1
    assert mine >= 0
    assert ((number == mine) == table)[hole].mean() > 0.97


def test_object_does_not_stay_in_front_when_the_mask_leaves_a_strip_of_it():
    disparity, truth, hole = photograph("wall")
    tight = hole & np.roll(hole, 5, axis=0)  # the box sticks out by two pixels at the top
    assert relative_depth_error(complete_disparity(disparity, tight, XY), truth, tight) < 0.01
    film = membrane(disparity, grown(tight, 1) & ~tight, tight)
    assert relative_depth_error(film, truth, tight) > 0.05


def test_curved_background_is_met_continuously():
    disparity, truth, hole = photograph("curved")
    filled = complete_disparity(disparity, hole, XY)
    assert relative_depth_error(filled, truth, hole) < 0.03
    for axis in (0, 1):
        crossing = np.diff(hole.astype(int), axis=axis) != 0
        steps = np.abs(np.diff(filled, axis=axis))[crossing]
        assert np.median(steps) < 0.01


def test_values_stay_within_the_rims_range():
    disparity, _, hole = photograph("floor", noise=0.01)
    filled = complete_disparity(disparity, hole, XY)
    rim = disparity[grown(hole, 2) & ~hole]
    slack = 0.15 * np.ptp(rim) + 0.02
    assert filled[hole].max() <= rim.max() + slack
    assert filled[hole].min() >= rim.min() - slack


def test_unknown_depth_is_no_evidence():
    disparity, truth, hole = photograph("wall")
    disparity[np.random.default_rng(0).random(disparity.shape) < 0.3] = 0
    assert relative_depth_error(complete_disparity(disparity, hole, XY), truth, hole) < 0.002
    nothing = np.zeros_like(disparity)
    assert np.array_equal(complete_disparity(nothing, hole, XY), nothing)


def test_same_seed_same_completion():
    disparity, _, hole = photograph("edge", noise=0.01)
    first, second = (complete_disparity(disparity, hole, XY, seed=5) for _ in range(2))
    assert np.array_equal(first, second)


def test_planes_are_found_in_order_of_support():
    rng = np.random.default_rng(0)
    xy = rng.uniform(-0.5, 0.5, (900, 2))
    planes = np.array([[0.1, -0.2, 0.6], [-0.3, 0.2, 0.3]])
    disparity = np.where(np.arange(900) < 550, design(xy) @ planes[0], design(xy) @ planes[1])
    disparity[850:] = rng.uniform(0.7, 1, 50)
    np.testing.assert_allclose(find_planes(xy, disparity, seed=0), planes, atol=1e-3)


def test_a_pedestal_does_not_go_on_behind_what_stood_on_it():
    """A flat front under the hole, and all around it a far surface that is not flat."""
    rows, columns = np.mgrid[:142, :252]
    far = 0.2 + 0.03 * np.sin(columns / 9) * np.cos(rows / 7)
    pedestal = (rows >= 80) & (abs(columns - 126) < 34)
    hole = (rows > 25) & (rows < 80) & (abs(columns - 126) < 30)
    disparity = np.where(pedestal, 0.8, far).astype(np.float32)
    filled = complete_disparity(disparity, hole, XY)
    assert np.quantile(filled[hole], 0.9) < 0.3


def test_membrane_reproduces_a_harmonic_function_and_respects_labels():
    y, x = np.mgrid[:30, :40].astype(float)
    truth = x * x - y * y + 3 * x  # harmonic on the grid as well
    hole = np.zeros((30, 40), bool)
    hole[8:22, 10:30] = True
    filled = membrane(truth, grown(hole, 1) & ~hole, hole)
    np.testing.assert_allclose(filled[hole], truth[hole], atol=1e-5)
    labels = (x >= 20).astype(int)
    steps = tuple(np.diff(np.sin(truth), axis=axis) for axis in (0, 1))
    np.testing.assert_allclose(
        membrane(np.sin(truth), ~hole, hole, steps=steps)[hole], np.sin(truth)[hole], atol=1e-5
    )
    halves = membrane(np.stack([labels * 1.0, labels * 5.0], axis=-1), ~hole, hole, labels)
    np.testing.assert_allclose(halves[hole, 1], 5.0 * labels[hole], atol=1e-5)
    assert (halves[~hole] == 0).all()
