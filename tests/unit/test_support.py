"""The plane that an object stands on."""

import numpy as np
import pytest

from nerfkit.segmentation.support import find_support, support_plane

CLICKED = np.array([[0.0, 0.1, 2.0], [0.1, 0.3, 2.0], [-0.1, 0.4, 2.1]])


def table(count=2000, noise=0.002, strays=0.3, seed=0):
    """Points on the plane y = 0, a share of them anywhere."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([-1, 0, 1], [1, 0, 3], (count, 3)) + rng.normal(0, noise, (count, 3))
    lost = rng.random(count) < strays
    points[lost] = rng.uniform([-1, -1, 1], [1, 1, 3], (lost.sum(), 3))
    return points


def test_the_table_is_found_under_the_object():
    plane = support_plane(table(), CLICKED, tolerance=0.02)
    np.testing.assert_allclose(plane.normal, [0, 1, 0], atol=0.01)
    np.testing.assert_allclose(plane.heights(CLICKED), CLICKED[:, 1], atol=0.01)


def test_a_plane_through_the_object_or_above_it_carries_nothing():
    assert support_plane(table() + np.array([0, 0.25, 0]), CLICKED, tolerance=0.02) is None


@pytest.mark.parametrize("points", [table(strays=0.9), table(count=20)])
def test_too_little_of_a_plane_is_none(points):
    assert support_plane(points, CLICKED, tolerance=0.02) is None


def test_only_the_surface_on_the_table_counts_against_the_object():
    """A picture whose left half is table and whose right half rises from it."""
    x, z = np.meshgrid(np.linspace(-1, 1, 80), np.linspace(1, 3, 60))
    points = np.stack([x, np.where(x > 0, 0.5 * x, 0), z], axis=2)
    clicked = np.array([[0.5, 0.25, 2.0], [0.9, 0.45, 2.0], [0.3, 0.15, 2.0]])
    against = find_support(points, clicked, x < 0).against
    assert (against[x < -0.01] > 0.99).all()
    assert (against[x > 0.1] == 0).all()
