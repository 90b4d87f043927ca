"""What an object stands on: a ball on a pillar before a wall, ray-cast exactly."""

from pathlib import Path

import numpy as np
import pytest
import room

from nerfkit.cameras import Camera
from nerfkit.projection import lift
from nerfkit.scene import View
from nerfkit.visibility import Shown, barred

LENS = Camera(240, 180, 220.0, 220.0, 120.0, 90.0)
BALL = np.array([0.0, -0.4, 4.0]), 0.4
PILLAR = np.array([[-0.5, 0.0, 3.5], [0.5, 9.0, 4.5]])  # its top is what the ball stands on, y points down
WALL = 7.0


def view(x: float, y: float) -> View:
    """A camera that looks at the ball."""
    pose = room.look_at(np.array([x, y, 0.0]), BALL[0])
    return View(f"{x} {y}", "train", LENS, pose, 1.0, 20.0, Path())


def cast(one: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z-depths (H, W) of the ball, of the pillar and of the wall, inf beside them."""
    eye = one.world_from_cam[:3, 3]
    rays = lift(one, np.ones((LENS.height, LENS.width), np.float32)) - eye
    offset, square = eye - BALL[0], (rays**2).sum(axis=2)
    half, rest = rays @ offset / square, (offset @ offset - BALL[1] ** 2) / square
    ball = np.where(half**2 > rest, -half - np.sqrt(np.maximum(half**2 - rest, 0)), np.inf)
    with np.errstate(divide="ignore"):
        crossings = np.sort((PILLAR[:, None, None] - eye) / rays, axis=0)
    first, last = crossings[0].max(axis=2), crossings[1].min(axis=2)
    return ball, np.where(first < last, first, np.inf), (WALL - eye[2]) / rays[..., 2]


def shown(one: View) -> Shown:
    """What a view shows of all three."""
    ball, pillar, wall = cast(one)
    mask = ball < np.minimum(pillar, wall)
    depth = np.minimum(np.minimum(ball, pillar), wall).astype(np.float32)
    return Shown(one, mask, mask, depth, np.zeros((*depth.shape, 3), np.float32))


ALL = [shown(view(x, y)) for y in (-0.5, -1.2, -2.2) for x in (-1.6, -0.8, 0.0, 0.8, 1.6)]


@pytest.mark.parametrize("number", [6, 7, 8, 11, 12])
def test_the_wall_is_not_seen_through_what_the_object_stands_on(number):
    one, others = ALL[number], ALL[:number] + ALL[number + 1 :]
    _, pillar, wall = cast(one.view)
    found = barred(one, np.where(one.hole, wall, np.inf), others, 2, 0.02)
    top, free = one.hole & np.isfinite(pillar), one.hole & ~np.isfinite(pillar)
    assert top.sum() > 100
    assert found[top].mean() > 0.6
    # Above the pillar's far rim the way leads down behind it, where no view looks either.
    assert found[free].mean() < 0.2
    assert not found[~one.hole].any()


def test_nothing_is_barred_without_a_pillar():
    free = [
        Shown(s.view, s.mask, s.hole, np.minimum(*cast(s.view)[::2]).astype(np.float32), s.rgb) for s in ALL
    ]
    one = free[12]
    assert not barred(
        one, np.where(one.hole, cast(one.view)[2], np.inf), free[:12] + free[13:], 2, 0.02
    ).any()
