"""The plane that an object stands on, in graphs of a sampled table with a ball on it."""

import numpy as np
import pytest

from nerfkit.extraction.support_plane import THICKNESS, in_support
from nerfkit.extraction.surface_graph import SurfaceGraph

RESOLUTION = 48


def table_and_ball(reach=0.5, noise=0.2):
    """Nodes of a square table of half side `reach` around the cube's middle, askew, with a ball on it; the
    first 400 are the ball's. `noise` is in voxels."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ball = 0.15 * directions + [0, 0, 0.15]
    table = np.c_[rng.uniform(-reach, reach, (1500, 2)), np.zeros(1500)]
    upright = np.broadcast_to([0.0, 0, 1], table.shape)
    c, s = np.cos(0.3), np.sin(0.3)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    places = np.concatenate([ball, table]) @ turn.T + 0.5
    places += rng.normal(size=places.shape) * noise / RESOLUTION
    normals = np.concatenate([directions, upright]) @ turn.T
    cells = (places * RESOLUTION).astype(int)
    kept = ((cells >= 0) & (cells < RESOLUTION)).all(axis=1)
    some = np.zeros((kept.sum(), 3))
    nobody, nothing = np.zeros(0, int), np.zeros(0)
    graph = SurfaceGraph(
        RESOLUTION,
        cells[kept],
        places[kept],
        normals[kept],
        some,
        np.ones(len(some)),
        nobody,
        nobody,
        nothing,
        nothing,
        [],
    )
    return graph, np.flatnonzero(np.arange(len(places))[kept] < 400)


def test_the_table_is_what_the_ball_stands_on():
    graph, ball = table_and_ball()
    found = in_support(graph, ball)
    of_table = np.ones(len(graph), bool)
    of_table[ball] = False
    assert found[of_table].mean() > 0.98
    cap = THICKNESS / RESOLUTION / 0.3  # of the ball, as high as the plane is thick: where they touch
    assert found[ball].mean() == pytest.approx(cap, abs=0.03)


def test_a_flat_object_does_not_stand_on_itself():
    graph, ball = table_and_ball()
    letter = np.setdiff1d(np.arange(len(graph)), ball)[:20]
    assert not in_support(graph, letter).any()


def test_what_ends_within_the_cube_supports_nothing():
    graph, ball = table_and_ball(reach=0.3)
    assert not in_support(graph, ball).any()


@pytest.mark.parametrize("seed", range(5))
def test_any_start_finds_the_same_plane(seed):
    graph, ball = table_and_ball()
    assert (in_support(graph, ball, seed) == in_support(graph, ball)).mean() > 0.99


def test_a_step_of_more_than_the_thickness_is_not_in_the_plane():
    graph, ball = table_and_ball(noise=0)
    across = np.array([0, -np.sin(0.3), np.cos(0.3)])
    height = (graph.places - 0.5) @ across * RESOLUTION
    assert not in_support(graph, ball)[height > THICKNESS + 0.1].any()
