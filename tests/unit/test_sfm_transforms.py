"""The scene's frame, bounds and lens keys, on models made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.photos import Photo
from nerfkit.sfm.model import Model, PosedPhoto
from nerfkit.sfm.transforms import (
    CUTOUT_MARGIN,
    FAR_MARGIN,
    MEDIAN_DISTANCE,
    bounds,
    scene_similarity,
    transforms,
    upright_rotation,
)


def random_rotation(rng) -> np.ndarray:
    q, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return q * np.linalg.det(q)


def view(name, cam_from_world, point_idx, split="train", lens=None) -> PosedPhoto:
    folder = "images" if split == "train" else "test"
    file = f"{folder}/{name}.png"
    photo = Photo(name, split, f"{name}.jpg", (8, 6), 1, file=file, size=(8, 6), large="", large_size=(8, 6))
    idx = np.array(point_idx, int)
    return PosedPhoto(photo, lens or Camera(8, 6, 9, 9, 4, 3), cam_from_world, np.zeros((len(idx), 2)), idx)


@pytest.fixture
def model():
    """Ten cameras ahead of a cloud, in a world turned and scaled at random."""
    rng = np.random.default_rng(3)
    world = np.eye(4)
    world[:3, :3] = random_rotation(rng)
    world[:3, 3] = rng.standard_normal(3)
    points = rng.standard_normal((200, 3)) * 0.4 + [0, 0, 5]
    views = []
    for i in range(10):
        cam = np.eye(4)
        cam[:3, 3] = rng.standard_normal(3) * 0.3
        seen = rng.choice(200, 100, replace=False)
        views.append(view(f"v{i}", cam @ np.linalg.inv(world), seen, "test" if i == 9 else "train"))
    return Model(views, points @ world[:3, :3].T + world[:3, 3], np.zeros((200, 3), np.uint8))


def to_scene(similarity: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ similarity[:3, :3].T + similarity[:3, 3]


def test_scene_similarity(model):
    similarity = scene_similarity(model)
    scale = np.linalg.norm(similarity[:3, 0])
    np.testing.assert_allclose(similarity[:3, :3] @ similarity[:3, :3].T, scale**2 * np.eye(3), atol=1e-9)
    assert np.linalg.det(similarity[:3, :3]) > 0
    seen = np.concatenate([v.point_idx for v in model.train])
    median = np.median(model.points[seen], axis=0)
    np.testing.assert_allclose(to_scene(similarity, median[None])[0], 0, atol=1e-9)
    distances = [
        np.linalg.norm(
            to_scene(similarity, model.points[v.point_idx]) - to_scene(similarity, v.centre[None]), axis=1
        )
        for v in model.train
    ]
    assert np.median(np.concatenate(distances)) == pytest.approx(MEDIAN_DISTANCE)
    up = similarity[:3, :3] @ np.mean([-v.cam_from_world[1, :3] for v in model.train], axis=0)
    np.testing.assert_allclose(up / np.linalg.norm(up), [0, -1, 0], atol=1e-9)


def test_a_far_outlier_does_not_move_the_scene(model):
    before = scene_similarity(model)
    model.points[0] = 1e6
    np.testing.assert_allclose(scene_similarity(model), before, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_upright_rotation(seed):
    rng = np.random.default_rng(seed)
    up = rng.standard_normal(3)
    rotation = upright_rotation(up)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ up / np.linalg.norm(up), [0, -1, 0], atol=1e-12)
    axis = np.cross(up, [0, -1, 0])  # smallest: the axis across both directions stays
    np.testing.assert_allclose(rotation @ axis, axis, atol=1e-12)


def test_upright_rotation_at_its_edges():
    np.testing.assert_allclose(upright_rotation(np.array([0, 1.0, 0])) @ [0, 1, 0], [0, -1, 0])
    np.testing.assert_array_equal(upright_rotation(np.array([0.01, 0.02, 0])), np.eye(3))


def test_bounds_by_view_and_by_scene():
    points = np.array([[0, 0, z] for z in np.linspace(2, 10, 101)])
    back = np.eye(4)
    back[2, 3] = 1.0  # this camera stands one unit behind
    views = [view("a", np.eye(4), range(101)), view("b", back, range(101)), view("few", np.eye(4), [0, 1])]
    a, b, few = bounds(Model(views, points, np.zeros((101, 3), np.uint8)), min_points=20)
    assert a == pytest.approx((0.8 * 2.08, FAR_MARGIN * 9.96))
    assert b == pytest.approx((0.8 * 3.08, FAR_MARGIN * 10.96))
    together = np.concatenate([points[:, 2], points[:, 2] + 1, points[:2, 2]])
    assert few == pytest.approx(
        (0.8 * np.percentile(together, 1), FAR_MARGIN * np.percentile(together, 99.5))
    )


def test_nothing_lies_behind_cutouts():
    points = np.array([[0, 0, z] for z in np.linspace(2, 4, 50)])
    views = [view(name, np.eye(4), range(50)) for name in "ab"]
    a, b = (replace(each, clear=0.5) for each in views)
    rim = replace(b, clear=0.1)  # as undistorted photos have
    for taken, margin in (([a, b], CUTOUT_MARGIN), ([a, views[1]], FAR_MARGIN), ([a, rim], FAR_MARGIN)):
        (_, far), _ = bounds(Model(taken, points, np.zeros((50, 3), np.uint8)), 20)
        assert far == pytest.approx(margin * np.percentile(points[:, 2], 99.5))


def test_points_behind_a_camera_do_not_count():
    points = np.array([[0, 0, z] for z in [*np.linspace(2, 4, 50), *np.linspace(-4, -2, 50)]])
    (near, far), _ = bounds(
        Model(
            [view("a", np.eye(4), range(100)), view("b", np.eye(4), range(50))], points, np.zeros((100, 3))
        ),
        20,
    )
    assert 0 < near < 2 < far < 4.1 * FAR_MARGIN


def test_one_lens_is_written_once_and_several_in_their_frames(model):
    data = transforms(model, np.linspace(0.5, 2, 30).reshape(10, 3), ["lost"], 20)
    assert data["frames"][0]["gain"] == [0.5, 0.5517, 0.6034]
    assert data["w"] == 8
    assert "fl_x" not in data["frames"][0]
    assert data["unregistered"] == ["lost"]
    other = view("own", np.eye(4), range(30), lens=Camera(6, 8, 10, 11, 3, 4, k1=0.1))
    data = transforms(Model([*model.views, other], model.points, model.rgb), np.ones((11, 3)), [], 20)
    assert "w" not in data
    assert (data["frames"][-1]["w"], data["frames"][-1]["k1"]) == (6, 0.1)
    assert data["frames"][0]["fl_x"] == 9
