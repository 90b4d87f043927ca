"""The covered family, and which pixels of its subject no photo shows."""

import numpy as np
import pytest

from nerfkit.scene import OPENCV_FROM_OPENGL
from nerfkit.synthetic.alone import Shown, hidden_pixels, surface_points
from nerfkit.synthetic.families import FAMILIES
from nerfkit.synthetic.subjects import COVERED
from nerfkit.synthetic.viewpoints import poses
from tests.unit.analytic import BALL, LENS, pose, shoot


@pytest.mark.parametrize("subject", sorted(COVERED))
def test_the_family_is_what_the_paper_describes(subject):
    place = FAMILIES["covered"](4, subject)
    train, test = place.camera_sets
    assert (place.film.width, place.film.height) == (400, 400)
    assert (train.split, train.count, train.without, train.alone) == ("train", 100, [], False)
    assert (test.split, test.count, test.alone) == ("test", 30, True)
    fruit = ["fruit"] if subject in ("plate", "blocks") else []
    assert test.without == ["occluder", "cup", *fruit]
    assert subject not in test.without


def test_the_cameras_stand_all_around_and_above_the_covering_things():
    place = FAMILIES["covered"](4, "plate")
    centres = np.stack([matrix[:3, 3] for matrix in poses(place.camera_sets[0], place.seed)])
    azimuths = np.sort(np.degrees(np.arctan2(centres[:, 1], centres[:, 0])))
    assert np.diff(azimuths, append=azimuths[0] + 360).max() < 20
    assert centres[:, 2].min() > 0.3


@pytest.mark.parametrize("subject", ["plate", "blocks"])
def test_fruit_lies_on_the_subject(subject):
    place = FAMILIES["covered"](4, subject)
    things = {thing.name: thing for thing in place.things}
    heights = [part.position[2] for part in things["fruit"].parts]
    last = things[subject].parts[-1]
    top = 0.010 if subject == "plate" else last.position[2] + last.parameters["size"][2]
    np.testing.assert_allclose(heights, top, atol=1e-9)
    assert things["fruit"].position == things[subject].position


def shown(angle: float, cut: int = 0) -> Shown:
    """The ball photographed from an angle, its first `cut` columns hidden."""
    shot = shoot(pose(angle))
    mask = shot.ball.copy()
    mask[:, :cut] = False
    return Shown(LENS, pose(angle) @ OPENCV_FROM_OPENGL, shot.depth, mask)


@pytest.mark.parametrize("cut", [0, 24])
def test_hidden_pixels_against_the_ball_in_closed_form(cut):
    """A point of a ball is seen from a camera before its tangent plane, unless its pixel is covered."""
    wanted, photos = shoot(pose(1.0)), [shown(0.0, cut), shown(0.4, cut)]
    axes = pose(1.0) @ OPENCV_FROM_OPENGL
    hidden = hidden_pixels(LENS, axes, wanted.depth, wanted.ball, photos)
    points = surface_points(LENS, axes, wanted.depth, wanted.ball)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), BALL, atol=1e-6)
    seen = np.zeros(len(points), bool)
    clear = np.ones(len(points), bool)  # away from the tangent and from the cut, where a pixel's size decides
    for angle in (0.0, 0.4):
        centre = pose(angle)[:3, 3]
        facing = (points * (centre - points)).sum(1) / (BALL * np.linalg.norm(centre - points, axis=1))
        column = LENS.project((points - centre) @ pose(angle)[:3, :3])[:, 0]
        seen |= (facing > 0) & (column >= cut)
        clear &= (np.abs(facing) > 0.25) & (np.abs(column - cut) > 2)
    assert clear.mean() > 0.3
    assert 0 < seen[clear].mean() < 1
    np.testing.assert_array_equal(hidden[wanted.ball][clear], ~seen[clear])
    assert not hidden[~wanted.ball].any()
