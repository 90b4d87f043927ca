"""A scene without its object, in closed form: a ball before a wall that has a hole."""

from types import SimpleNamespace

import pytest
import torch

from nerfkit.fields.object_field import Samples
from nerfkit.fields.object_nerf import ObjectNerf
from nerfkit.rays import Rays

BALL, WALL, HOLE = 0.4, 1.0, 0.1  # radius around the origin; z of its front; half of the side
NEAR, FAR = 1.0, 5.0
PLACES = torch.tensor(
    [[0.3, 0.0], [0.2, -0.2], [0.9, 0.5], [0.0, 0.0]]
)  # twice the ball, wall, ball and hole


def look(rays, edges, score):
    """The ball is red, the wall green; `score` is the ball's, all else is surely no object."""
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
    x, y, z = (rays.origins[:, None] + rays.directions[:, None] * middle[..., None]).unbind(-1)
    ball = x**2 + y**2 + z**2 < BALL**2
    wall = (z > WALL) & (z < WALL + 0.5) & ((x.abs() > HOLE) | (y.abs() > HOLE))
    nothing = torch.zeros_like(middle)
    colour = torch.stack([ball.float(), wall.float(), nothing], dim=-1)
    own = torch.where(ball, score, -10.0)
    density = 200.0 * (ball | wall)
    return Samples(density, own.sigmoid(), own, colour, nothing, colour, edges.diff(dim=1), middle)


@pytest.fixture
def rays():
    origins = torch.cat([PLACES, torch.full((len(PLACES), 1), -2.0)], dim=1)
    ahead = torch.tensor([0.0, 0.0, 1.0]).expand(len(PLACES), 3)
    ones = torch.ones(len(PLACES))
    return Rays(origins, ahead, ones, NEAR * ones, FAR * ones)


def traced(rays, score):
    shade = SimpleNamespace(shade=lambda columns, directions: columns)
    return ObjectNerf(SimpleNamespace(look=lambda r, e: look(r, e, score), scene_field=shade)).trace(rays)


def test_what_the_object_hid_is_shown_as_sharp_as_what_it_did_not(rays):
    found = traced(rays, score=0.1)
    torch.testing.assert_close(found.rgb[:3], torch.tensor([0.0, 1, 0]).expand(3, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.depth[:3], torch.full((3,), WALL + 2), atol=0.05, rtol=0)
    assert (found.objectness[:3] < -9.9).all()
    torch.testing.assert_close(found.weights.sum(1), torch.ones(4))


def test_nothing_takes_the_place_of_the_object(rays):
    found = traced(rays, score=0.1)
    assert found.accumulation[3] == 0
    assert found.depth[3] > 0.95 * FAR
    assert (found.rgb[3] == 0).all()


def test_what_is_less_than_half_object_stays(rays):
    found = traced(rays, score=-0.1)
    assert (found.rgb[[0, 1, 3], 0] > 0.999).all()
    assert found.rgb[2, 1] > 0.999
