"""Lenses: projection and its inverse, resizing, and the conventions of the page."""

import cv2
import numpy as np
import pytest

from nerfkit.cameras import Camera


def random_camera(rng) -> Camera:
    k1, k2, p1, p2 = rng.uniform(-1, 1, 4) * [0.1, 0.05, 0.003, 0.003]
    return Camera(640, 480, *rng.uniform(400, 700, 2), 320 + rng.normal(), 240 + rng.normal(), k1, k2, p1, p2)


@pytest.mark.parametrize("seed", range(5))
def test_unproject_inverts_project(seed):
    rng = np.random.default_rng(seed)
    camera, xy = random_camera(rng), rng.uniform([0, 0], [640, 480], (50, 2))
    rays = np.concatenate([camera.unproject(xy), np.ones((50, 1))], axis=1)
    np.testing.assert_allclose(camera.project(rays * rng.uniform(0.5, 9, (50, 1))), xy, atol=1e-4)


def test_projection_is_opencvs():
    rng = np.random.default_rng(0)
    camera, points = random_camera(rng), rng.uniform([-1, -1, 2], [1, 1, 5], (30, 3))
    want = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.matrix, camera.distortion)[0]
    np.testing.assert_allclose(camera.project(points), want.reshape(-1, 2), atol=1e-6)


def test_resizing_scales_pixels_and_nothing_else():
    rng = np.random.default_rng(1)
    camera, points = random_camera(rng), rng.uniform([-1, -1, 2], [1, 1, 5], (30, 3))
    half = camera.resized(320, 240)
    np.testing.assert_allclose(half.project(points), camera.project(points) / 2)
    np.testing.assert_allclose(half.unproject(half.project(points)), points[:, :2] / points[:, 2:], atol=1e-6)


def test_pixel_centres_are_row_major_at_the_half():
    centres = Camera(3, 2, 1, 1, 0, 0).pixel_centres()
    assert centres.tolist() == [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [0.5, 1.5], [1.5, 1.5], [2.5, 1.5]]


def test_no_points_are_no_rays():
    assert Camera(3, 2, 1, 1, 0, 0).unproject(np.zeros((0, 2))).shape == (0, 2)
