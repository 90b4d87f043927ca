"""A plane told from what stands on it by other photos, on the exactly ray-cast scene."""

import dataclasses

import analytic
import numpy as np
import pytest

from nerfkit.files import write_image
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.parallax import FITS, Parallax, onlookers, plane_points
from nerfkit.segmentation.support import Plane, Support
from nerfkit.segmentation.table import Table

LENS = analytic.LENS.resized(192, 144)
FLOOR, TOLERANCE = 0.5, 0.02


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """Views with their photos, and the exact shot of the middle one."""
    coarse = analytic.views(tmp_path_factory.mktemp("parallax"), 9)
    views = [dataclasses.replace(view, camera=LENS) for view in coarse]
    for view in views:
        view.path.parent.mkdir(parents=True, exist_ok=True)
        write_image(view.path, analytic.shoot(view.world_from_cam, LENS).rgb)
    return views, analytic.shoot(views[4].world_from_cam, LENS)


def floor_of(view) -> Plane:
    """The floor y = 0.5 in the view's camera axes, up (against y) positive."""
    pose = view.world_from_cam
    return Plane(pose[:3, :3].T @ [0, -1, 0], pose[:3, :3].T @ ([0, FLOOR, 0] - pose[:3, 3]))


def floor_pixels(view, shot) -> np.ndarray:
    """Where the view shows the floor."""
    camera = view.camera
    rays = np.concatenate([camera.unproject(camera.pixel_centres()), np.ones((shot.depth.size, 1))], 1)
    points = rays * shot.depth.reshape(-1, 1)
    return np.abs(floor_of(view).heights(points)).reshape(shot.depth.shape) < 1e-3


def test_rays_meet_the_plane_where_they_should(capture):
    views, shot = capture
    floor = floor_pixels(views[4], shot)
    points = plane_points(views[4], floor_of(views[4]))
    np.testing.assert_allclose(points[floor][:, 1], FLOOR, atol=1e-5)
    upward = np.linalg.norm(points - views[4].world_from_cam[:3, 3].astype(np.float32), axis=2) < 1e-6
    assert not (upward & floor).any()


def test_what_rises_above_the_plane_does_not_fit_it(capture):
    views, shot = capture
    floor, lab = floor_pixels(views[4], shot), lab_image(shot.rgb)
    parallax = Parallax(views[4], onlookers(views))
    misfit = parallax.mismatch(lab, floor_of(views[4]), floor)
    assert np.median(misfit[floor]) == pytest.approx(1, abs=1e-4)
    assert np.median(misfit[shot.ball]) > 2 * FITS


def test_the_floor_shows_even_where_the_field_thinks_it_rises(capture):
    """Surfaces beside the ball that are rounded up towards it, as a field's are."""
    views, shot = capture
    floor, lab = floor_pixels(views[4], shot), lab_image(shot.rgb)
    rng = np.random.default_rng(0)
    rounded = floor & (rng.random(floor.shape) < 0.3)
    heights = np.where(rounded, 5.0, np.where(floor, 0.0, 20.0))
    support = Support(floor_of(views[4]), TOLERANCE, heights, ~shot.ball)
    parallax = Parallax(views[4], onlookers(views))
    shown = parallax.shown(lab, support, np.nonzero(shot.ball))
    assert shown[rounded].mean() > 0.7
    assert shown[shot.ball].mean() < 0.02


def test_nothing_is_said_of_a_thing_that_fits_the_plane(capture):
    """Clicks on the floor itself: photos do not tell such a thing from what carries it."""
    views, shot = capture
    floor, lab = floor_pixels(views[4], shot), lab_image(shot.rgb)
    support = Support(floor_of(views[4]), TOLERANCE, np.where(floor, 0.0, 20.0), floor)
    parallax = Parallax(views[4], onlookers(views))
    assert not parallax.shown(lab, support, np.nonzero(floor)).any()


def test_too_few_photos_say_nothing(capture):
    views, shot = capture
    floor, lab = floor_pixels(views[4], shot), lab_image(shot.rgb)
    parallax = Parallax(views[4], onlookers(views[3:6]))
    assert (parallax.mismatch(lab, floor_of(views[4]), floor) == FITS).all()


def test_exposure_is_no_mismatch(capture):
    views, shot = capture
    floor = floor_pixels(views[4], shot)
    brighter = lab_image(shot.rgb) + np.array([6, 0, 0], np.float32)
    parallax = Parallax(views[4], onlookers(views))
    same = parallax.mismatch(lab_image(shot.rgb), floor_of(views[4]), floor)
    np.testing.assert_allclose(
        parallax.mismatch(brighter, floor_of(views[4]), floor)[floor], same[floor], atol=0.02
    )


def test_the_table_is_known_again_in_every_view(capture):
    views, shot = capture
    lab = lab_image(shot.rgb)
    table = Table.under(views[4], shot.depth, lab, shot.ball, onlookers(views))
    assert table.plane.normal @ [0, -1, 0] > 0.99
    for view in (views[0], views[8]):
        other = analytic.shoot(view.world_from_cam, LENS)
        shown = table.shown(view, other.depth, lab_image(other.rgb))
        floor = floor_pixels(view, other)
        assert shown[other.ball].mean() < 0.05
        assert shown[floor].mean() > 0.4


def test_a_thing_in_the_air_has_no_table(capture):
    views, shot = capture
    depth = np.where(shot.ball, shot.depth, analytic.FAR * 100).astype(np.float32)
    assert Table.under(views[4], depth, lab_image(shot.rgb), shot.ball, onlookers(views)) is None
