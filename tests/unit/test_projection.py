"""Labels carried between views with exact depth, against rays cast at the scene itself."""

from pathlib import Path

import analytic
import numpy as np
import pytest

from nerfkit.projection import lift, project, sample
from nerfkit.scene import View
from nerfkit.segmentation.votes import Hull, Source, look_up, vote

LENS = analytic.LENS.resized(160, 120)


def view(angle: float, name: str = "a") -> View:
    return View(name, "train", LENS, analytic.pose(angle), analytic.NEAR, analytic.FAR, Path("none.png"))


def source(angle: float, weight: float = 1.0) -> Source:
    shot = analytic.shoot(analytic.pose(angle), LENS)
    ball = shot.ball.astype(np.float32)
    return Source(view(angle), shot.depth, ball, np.full_like(ball, weight))


def sphere(radius: float, count: int = 3000) -> np.ndarray:
    """Points all over a sphere about the ball's centre, (1, N, 3)."""
    points = np.random.default_rng(0).normal(size=(1, count, 3))
    return (radius * points / np.linalg.norm(points, axis=2, keepdims=True)).astype(np.float32)


def test_projecting_what_was_lifted_gives_the_pixels_back():
    here = source(0.3)
    xy, z, inside = project(lift(here.view, here.depth), here.view)
    np.testing.assert_allclose(xy.reshape(-1, 2), LENS.pixel_centres(), atol=2e-2)
    np.testing.assert_allclose(z, here.depth, rtol=1e-5)
    assert inside.all()


def test_points_behind_a_camera_are_not_in_its_frame():
    here = view(0.0)
    behind = here.world_from_cam[:3, 3] - np.array([[here.world_from_cam[:3, 2]]])
    assert not project(behind.astype(np.float32), here)[2].any()


def test_sample_takes_pixel_centres_at_halves():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    xy = np.array([[[0.5, 0.5], [3.5, 2.5], [1.0, 0.5]]], np.float32)
    np.testing.assert_allclose(sample(image, xy)[0], [0, 11, 0.5])


def test_a_source_labels_what_it_sees_and_nothing_else():
    """Every pixel of one view asked of another: seen there or hidden, as a ray from there decides."""
    here, there = source(-0.5), source(0.4)
    points = lift(here.view, here.depth)
    label, weight = look_up(points, there, tolerance=0.03)
    xy, z, inside = project(points, there.view)
    exact = np.full(z.shape, -1.0)
    rows, columns = xy[inside][:, 1].astype(int), xy[inside][:, 0].astype(int)
    exact[inside] = there.depth[rows, columns]
    clear = np.abs(z - exact) / exact
    sees, hidden = inside & (clear < 0.015), inside & (clear > 0.06)
    assert (weight[sees] > 0).mean() > 0.99
    assert (weight[hidden] > 0).mean() < 0.01
    assert not weight[~inside].any()
    sure = (weight > 0) & (np.abs(label - 0.5) > 0.45)
    assert ((label > 0.5)[sure] == (here.probability > 0.5)[sure]).mean() > 0.99
    assert hidden.sum() > 200  # the ball hides something from the other side, or this test says little


def test_a_vote_is_the_weighted_mean_of_those_who_see():
    here = source(0.0)
    agrees, objects = source(0.1, weight=3.0), source(-0.1, weight=1.0)
    objects = Source(objects.view, objects.depth, 1 - objects.probability, objects.weight)
    probability, weight = vote(lift(here.view, here.depth), [agrees, objects], tolerance=0.03)
    row, column = LENS.height // 2, LENS.width // 2  # the ball's middle, which both see
    assert probability[row, column] == pytest.approx(0.75)
    assert weight[row, column] == pytest.approx(4.0)


def test_nobody_to_ask_is_no_vote():
    here = source(0.0)
    probability, weight = vote(lift(here.view, here.depth), [], tolerance=0.03)
    assert not probability.any()
    assert not weight.any()


def test_hull_holds_what_is_seen_reaches_behind_it_and_ends():
    front, side = source(0.0), source(0.5)
    hull = Hull.of([front, side])
    seen = lift(front.view, front.depth)[None, front.probability > 0.5]
    assert hull.may_hold(seen).mean() > 0.9
    back = sphere(0.97 * analytic.BALL)
    back = back[:, back[0, :, 2] > 0]  # the half that faces the wall, which neither view sees
    assert hull.may_hold(back).mean() > 0.2
    assert not hull.may_hold(sphere(3 * analytic.BALL)).any()
    assert np.linalg.norm(hull.centre) < analytic.BALL
