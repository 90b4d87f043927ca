"""SfM for real, on ten small photos of a made-up room with known poses, lens and depths."""

import json
import shutil
from dataclasses import replace

import cv2  # noqa: F401  before pycolmap, like Pillow: see nerfkit/sfm/__init__.py
import numpy as np
import pycolmap
import pytest
import room
from PIL import Image

from nerfkit.errors import UserError
from nerfkit.files import read_image, read_json, write_image
from nerfkit.photos import PhotosSettings, photos, read_photos
from nerfkit.scene import OPENCV_FROM_OPENGL, read_scene
from nerfkit.sfm import SfmSettings, sfm
from nerfkit.sfm.model import read_model
from nerfkit.sfm.reconstruction import LADDER
from nerfkit.sfm.transforms import FAR_MARGIN, MEDIAN_DISTANCE

SETTINGS = SfmSettings(features=600)
POSES = room.arc(10)  # the last two are test views


def aligned(estimated: np.ndarray, true: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation, translation that best take points (N, 3) to others (Umeyama 1991)."""
    a, b = estimated - estimated.mean(0), true - true.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.linalg.det(u @ vt)])
    rotation = u @ sign @ vt
    scale = (s * np.diag(sign)).sum() / (a**2).sum()
    return scale, rotation, true.mean(0) - scale * rotation @ estimated.mean(0)


def opengl(pose: np.ndarray) -> list:
    return (pose @ OPENCV_FROM_OPENGL).tolist()


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A photos folder of the room and the sfm folder made from it; one name is in both splits."""
    folder = tmp_path_factory.mktemp("room")
    train = room.write_photos(folder / "images", POSES[:8])
    test = room.write_photos(folder / "test" / "images", POSES[8:], start=7)
    photos(train, None, test, folder / "photos", PhotosSettings(width=161))
    sfm(folder / "photos", None, folder / "sfm", SETTINGS)
    return folder


@pytest.fixture(scope="module")
def scene(capture):
    return read_scene(capture / "sfm" / "transforms.json", capture / "photos")


@pytest.fixture(scope="module")
def to_truth(scene):
    """Similarity from the scene's frame to the room's."""
    centres = np.array([view.world_from_cam[:3, 3] for view in scene.views])
    return aligned(centres, np.array([pose[:3, 3] for pose in POSES]))


def test_every_photo_registers_in_its_split(capture, scene):
    assert [(v.split, v.name) for v in scene.views] == [
        *(("train", f"view {i}") for i in range(8)),
        ("test", "view 7"),
        ("test", "view 8"),
    ]
    assert read_json(capture / "sfm/transforms.json")["unregistered"] == []
    assert not (capture / "sfm/work").exists()
    for view in scene.views:
        assert view.image().shape == (view.camera.height, view.camera.width, 3) == (121, 161, 3)


def test_poses_are_those_of_the_room(scene, to_truth):
    scale, rotation, translation = to_truth
    for view, pose in zip(scene.views, POSES, strict=True):
        centre = scale * rotation @ view.world_from_cam[:3, 3] + translation
        assert np.linalg.norm(centre - pose[:3, 3]) < 0.02  # the arc is 2.5 long
        turn = (rotation @ view.world_from_cam[:3, :3]).T @ pose[:3, :3]
        assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 0.3


def test_lens_is_that_of_the_room_at_the_prepared_size(scene):
    camera, true = scene.views[0].camera, room.LENS.resized(161, 121)
    assert camera.fx == pytest.approx(true.fx, rel=0.02)
    assert camera.fy / camera.fx == pytest.approx(true.fy / true.fx, rel=1e-6)
    assert (camera.cx, camera.cy) == pytest.approx((true.cx, true.cy))
    # lens and focal length trade off in the middle; what counts is where rays at the border go
    border = np.array([[1.0, 60.0], [160.0, 60.0], [80.0, 1.0], [20.0, 110.0]])
    np.testing.assert_allclose(camera.unproject(border), true.unproject(border), atol=6e-3)


def test_sparse_depth_is_the_rooms_depth(capture, scene, to_truth):
    depth = np.load(capture / "sfm" / "sparse_depth.npz")
    for view, pose in zip(scene.train, POSES, strict=False):
        xy, z, error = (depth[f"{view.name}/{key}"] for key in ("xy", "z", "error"))
        assert xy.dtype == z.dtype == error.dtype == np.float32
        assert len(xy) == len(z) == len(error) > 50
        true = room.depth(room.LENS.resized(161, 121), pose, xy)
        relative = np.abs(z * to_truth[0] / true - 1)
        assert np.median(relative) < 0.01
        assert error.mean() < 0.5
    assert not [key for key in depth if key.startswith("view 8/")], "test views have no sparse depth"


def test_test_photos_know_the_depth_of_training_points_for_the_reference_field(capture, scene, to_truth):
    depth = np.load(capture / "sfm" / "test_depth.npz")
    assert {key.split("/")[0] for key in depth if "/" in key} == {view.name for view in scene.split("test")}
    for view, pose in zip(scene.split("test"), POSES[8:], strict=True):
        xy, z = depth[f"{view.name}/xy"], depth[f"{view.name}/z"]
        true = room.depth(room.LENS.resized(161, 121), pose, xy)
        assert len(z) > 50
        assert np.median(np.abs(z * to_truth[0] / true - 1)) < 0.01


def test_shared_edges_have_the_rooms_depth(capture, scene, to_truth):
    depth, errors = np.load(capture / "sfm" / "sparse_depth.npz"), []
    for view, pose in zip(scene.train, POSES, strict=False):
        xy, z = depth[f"{view.name}/line_xy"], depth[f"{view.name}/line_z"]
        assert xy.dtype == z.dtype == np.float32
        errors.append(np.abs(z * to_truth[0] / room.depth(room.LENS.resized(161, 121), pose, xy) - 1))
    errors = np.concatenate(errors)
    assert len(errors) > 50
    assert np.median(errors) < 0.02


def test_sparse_depth_reprojects_from_other_views(capture, scene):
    """A point lifted from one view lands on the pixel at which another one sees it."""
    depth = np.load(capture / "sfm" / "sparse_depth.npz")
    points = depth["points"]
    for view in scene.train:
        xy, z = depth[f"{view.name}/xy"], depth[f"{view.name}/z"]
        xyz = np.column_stack([view.camera.unproject(xy), np.ones(len(xy))]) * z[:, None]
        world = xyz @ view.world_from_cam[:3, :3].T + view.world_from_cam[:3, 3]
        distance = np.linalg.norm(world[:, None] - points[None], axis=2).min(axis=1)
        assert np.median(distance / z) < 0.3 / view.camera.fx
    assert depth["rgb"].shape == points.shape
    assert depth["rgb"].dtype == np.uint8


def test_bounds_hold_what_a_view_sees(capture, scene, to_truth):
    lens, sparse = room.LENS.resized(161, 121), np.load(capture / "sfm" / "sparse_depth.npz")
    for view, pose in zip(scene.views, POSES, strict=True):
        true = room.depth(lens, pose, lens.pixel_centres())
        near, far = view.near * to_truth[0], view.far * to_truth[0]
        assert 0.5 * true.min() < near < far < 2 * FAR_MARGIN * true.max()
        assert ((near < true) & (true < far)).mean() > 0.85
        if view.split == "train":
            z = sparse[f"{view.name}/z"]
            assert view.near == pytest.approx(0.8 * np.percentile(z, 1), rel=1e-4)
            assert view.far == pytest.approx(FAR_MARGIN * np.percentile(z, 99.5), rel=1e-4)


def test_scene_frame(capture, scene):
    depth = np.load(capture / "sfm" / "sparse_depth.npz")
    seen, distances = [], []
    for view in scene.train:
        xy, z = depth[f"{view.name}/xy"], depth[f"{view.name}/z"]
        xyz = np.column_stack([view.camera.unproject(xy), np.ones(len(xy))]) * z[:, None]
        distances.append(np.linalg.norm(xyz, axis=1))
        seen.append(xyz @ view.world_from_cam[:3, :3].T + view.world_from_cam[:3, 3])
    np.testing.assert_allclose(np.median(np.concatenate(seen), axis=0), 0, atol=5e-3)
    assert np.median(np.concatenate(distances)) == pytest.approx(MEDIAN_DISTANCE, rel=5e-3)
    up = np.mean([-view.world_from_cam[:3, 1] for view in scene.train], axis=0)
    np.testing.assert_allclose(up / np.linalg.norm(up), [0, -1, 0], atol=1e-6)


def test_colmap_model_is_one_of_the_prepared_photos(capture, scene):
    model = pycolmap.Reconstruction(capture / "sfm" / "sparse")
    views = {f"{'images' if v.split == 'train' else 'test'}/{v.name}.png": v for v in scene.views}
    assert {image.name for image in model.images.values()} == set(views)
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() < 0.5
    for image in model.images.values():
        view = views[image.name]
        assert (image.camera.width, image.camera.height) == (161, 121)
        np.testing.assert_allclose(image.camera.params[:2], [view.camera.fx, view.camera.fy])
        for observed in image.get_observation_points2D()[:20]:
            projected = image.project_point(model.points3D[observed.point3D_id].xyz)
            assert np.linalg.norm(projected - observed.xy) < 3


def test_arrays_are_joined_by_name_whatever_the_ids(capture):
    """Ids of images and points are dealt anew, in another order; the arrays stay."""
    model = pycolmap.Reconstruction(capture / "sfm" / "sparse")
    photo_set = read_photos(capture / "photos")
    images = sorted(model.images.values(), key=lambda image: image.name, reverse=True)
    new_image = {image.image_id: 50 - i for i, image in enumerate(images)}
    new_point = {p: 9000 - i for i, p in enumerate(sorted(model.points3D))}
    shuffled = pycolmap.Reconstruction()
    for camera in model.cameras.values():
        shuffled.add_camera_with_trivial_rig(camera)
    for image in images:
        copy = pycolmap.Image(
            image.name, [p.xy for p in image.points2D], image.camera_id, new_image[image.image_id]
        )
        shuffled.add_image_with_trivial_frame(copy, image.cam_from_world())
    for point_id, point in model.points3D.items():
        elements = [pycolmap.TrackElement(new_image[e.image_id], e.point2D_idx) for e in point.track.elements]
        shuffled.add_point3D_with_id(
            new_point[point_id],
            pycolmap.Point3D(xyz=point.xyz, color=point.color, track=pycolmap.Track(elements)),
        )
    first, second = read_model(model, photo_set), read_model(shuffled, photo_set)
    assert [v.photo for v in first.views] == [v.photo for v in second.views]
    for a, b in zip(first.views, second.views, strict=True):
        np.testing.assert_allclose(a.cam_from_world, b.cam_from_world)
        rows = (np.column_stack([v.xy, m.points[v.point_idx]]) for v, m in ((a, first), (b, second)))
        np.testing.assert_array_equal(*(r[np.lexsort(r.T)] for r in rows))
    assert {tuple(p) for p in first.points} == {tuple(p) for p in second.points}


def test_what_lies_where_cutouts_are_transparent_is_left_out(capture, tmp_path):
    """The left half of every photo is taken away: what it showed is forgotten, the rest stays as it is."""
    model, photo_set = pycolmap.Reconstruction(capture / "sfm" / "sparse"), read_photos(capture / "photos")
    before = read_model(model, photo_set)
    for photo in photo_set.photos:
        rgb = read_image(capture / "photos" / photo.file)
        opacity = np.full(rgb.shape[:2], 255, np.uint8)
        opacity[:, : rgb.shape[1] // 2] = 0
        (tmp_path / photo.file).parent.mkdir(exist_ok=True)
        write_image(tmp_path / photo.file, np.dstack([rgb, opacity]))
    after = read_model(model, replace(photo_set, folder=tmp_path))
    assert {view.clear for view in before.views} == {0}
    assert [view.clear for view in after.views] == pytest.approx([0.5] * len(after.views), abs=0.01)
    seen_often = {tuple(point) for point in after.points}
    assert 20 < len(seen_often) < len(before.points)
    for old, new in zip(before.views, after.views, strict=True):
        right = old.xy[:, 0] >= new.photo.size[0] // 2
        assert 0 < right.sum() < len(right)
        known = np.array([tuple(point) in seen_often for point in before.points[old.point_idx]])
        np.testing.assert_array_equal(new.xy, old.xy[right & known])
        np.testing.assert_array_equal(
            after.points[new.point_idx], before.points[old.point_idx][right & known]
        )


def test_points_on_transparency_alone_are_too_few(capture, tmp_path):
    folder = shutil.copytree(capture / "photos", tmp_path / "photos")
    for photo in read_photos(folder).photos:
        rgb = read_image(folder / photo.file)
        write_image(folder / photo.file, np.dstack([rgb, np.zeros(rgb.shape[:2], np.uint8)]))
    with pytest.raises(UserError, match="only 0 points lie where"):
        sfm(folder, capture / "sfm" / "transforms.json", tmp_path / "sfm", SfmSettings())
    assert not (tmp_path / "sfm").exists()


def test_points_that_test_photos_vouch_for_are_left_out(capture):
    model = pycolmap.Reconstruction(capture / "sfm" / "sparse")
    test_ids = {image.image_id for image in model.images.values() if image.name.startswith("test/")}
    seen_by_train = [
        len({e.image_id for e in point.track.elements} - test_ids) for point in model.points3D.values()
    ]
    assert min(seen_by_train) < 2, "the case does not occur"
    assert len(np.load(capture / "sfm/sparse_depth.npz")["points"]) == sum(n >= 2 for n in seen_by_train)


def test_one_thread_gives_the_same_bytes_again(capture, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(capture / "photos", folder)
    sfm(folder, None, tmp_path / "sfm", SETTINGS)
    first, second = (read_json(f / "sfm" / "sfm.json")["files"] for f in (capture, tmp_path))
    assert first["transforms.json"] == second["transforms.json"]


@pytest.fixture(scope="module")
def provided(capture, tmp_path_factory):
    """True poses and lens of the room as a user's file, with one frame too many and one photo left out."""
    true = room.LENS
    frames = [{"file_path": f"./images/view {i}", "transform_matrix": opengl(POSES[i])} for i in range(1, 8)]
    frames[3]["transform_matrix"] = frames[3]["transform_matrix"][:3]
    frames.append({"file_path": "images/gone.png", "transform_matrix": opengl(POSES[0])})
    frames.append({"file_path": "test/view 7.png", "transform_matrix": opengl(POSES[8])})
    frames.append({"file_path": "view 8.png", "split": "gt", "transform_matrix": opengl(POSES[9])})
    lens = {"w": 2 * true.width, "h": 2 * true.height, "fl_x": 2 * true.fx, "k1": true.k1}
    path = tmp_path_factory.mktemp("provided") / "transforms.json"
    path.write_text(json.dumps({**lens, "frames": frames}))
    return path


def test_provided_poses_stay_and_points_are_triangulated(capture, provided, tmp_path):
    sfm(capture / "photos", provided, tmp_path / "sfm", replace(SETTINGS, lines=False))
    scene = read_scene(tmp_path / "sfm" / "transforms.json", capture / "photos")
    assert read_json(tmp_path / "sfm/transforms.json")["unregistered"] == ["view 0"]
    assert [v.split for v in scene.views] == ["train"] * 7 + ["test"] * 2
    depth = np.load(tmp_path / "sfm" / "sparse_depth.npz")
    scene_from_world = scene.scene_from_world
    for view, pose in zip(scene.views, POSES[1:], strict=True):
        expected = scene_from_world @ pose
        np.testing.assert_allclose(view.world_from_cam[:3, 3], expected[:3, 3], atol=1e-6)
        np.testing.assert_allclose(view.world_from_cam[:3, :3], expected[:3, :3] / scene.scale, atol=1e-6)
        assert view.camera.k1 == pytest.approx(room.LENS.k1)
        assert view.camera.fx == pytest.approx(room.LENS.fx * 161 / 320)
        if view.split == "train":
            xy, z = depth[f"{view.name}/xy"], depth[f"{view.name}/z"]
            assert len(z) > 40
            assert len(depth[f"{view.name}/line_z"]) == 0
            true = room.depth(view.camera, pose, xy)
            assert np.median(np.abs(z / scene.scale / true - 1)) < 5e-3


def test_provided_poses_of_another_place(capture, provided, tmp_path):
    data = read_json(provided)
    rng = np.random.default_rng(0)
    for frame in data["frames"]:
        turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        matrix = np.eye(4)
        matrix[:3] = np.column_stack([turn * np.linalg.det(turn), rng.standard_normal(3)])
        frame["transform_matrix"] = matrix.tolist()
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(data))
    settings = SfmSettings(features=200, min_points=50)
    with pytest.raises(UserError, match=r"points of the photos agree with its poses and lenses"):
        sfm(capture / "photos", path, tmp_path / "sfm", settings)
    assert not (tmp_path / "sfm").exists()


def noise(path, seed: int):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_photo_that_does_not_belong_is_left_out(capture, tmp_path, caplog):
    train = [*sorted((capture / "images").glob("*.png"))[:6], noise(tmp_path / "images" / "stray.png", 0)]
    photos(train, None, [], tmp_path / "photos", PhotosSettings(width=160))
    sfm(tmp_path / "photos", None, tmp_path / "sfm", SfmSettings(features=400, wanted_share=0.8))
    assert read_json(tmp_path / "sfm/transforms.json")["unregistered"] == ["stray"]
    manifest = read_json(tmp_path / "sfm/sfm.json")
    assert manifest["unregistered"] == ["stray"]
    assert [each["attempt"] for each in manifest["attempts"]] == [LADDER[0].name, LADDER[1].name]
    assert len(read_scene(tmp_path / "sfm/transforms.json", tmp_path / "photos").train) == 6
    assert "left out from here on: stray" in caplog.text


def test_photos_that_cannot_be_joined(tmp_path):
    train = [noise(tmp_path / "images" / f"{i}.png", i) for i in range(4)]
    photos(train, None, [], tmp_path / "photos", PhotosSettings(width=160))
    with pytest.raises(
        UserError, match=r"Only 0 of 4 photos could be joined .* it helps when photos are sharp"
    ):
        sfm(tmp_path / "photos", None, tmp_path / "sfm", SfmSettings(features=200))
    assert not (tmp_path / "sfm").exists()
