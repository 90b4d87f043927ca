"""A user's transforms.json: what is read from it and what is refused, in which words."""

import json
from pathlib import Path

import numpy as np
import pytest

from nerfkit.errors import UserError
from nerfkit.photos import Photo, PhotoSet
from nerfkit.sfm.provided import read_provided


def photo(name: str, split: str = "train", size=(400, 300)) -> Photo:
    return Photo(
        name, split, f"{name}.jpg", size, 1, file=f"{name}.png", size=(40, 30), large="", large_size=size
    )


PHOTOS = PhotoSet(Path(), "photos", [*(photo(n) for n in ("a", "b", "c.d", "both")), photo("both", "test")])
NAMES = ("images/a.jpg", "./images/b", "c.d", "x/both.png", "test/both.png")


def content(**changes) -> dict:
    frames = [{"file_path": name, "transform_matrix": np.eye(4).tolist()} for name in NAMES]
    for i, frame in enumerate(frames):
        frame["transform_matrix"][0][3] = float(i)
    return {"w": 400, "h": 300, "fl_x": 350.0, "k1": 0.1, "p2": 0.01, "frames": frames, **changes}


def read(tmp_path, data) -> dict:
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(data))
    return read_provided(path, PHOTOS)


def with_frame(**changes) -> dict:
    data = content()
    data["frames"][1].update(changes)
    return data


def test_frames_find_their_photos(tmp_path):
    posed = read(tmp_path, content())
    assert sorted(posed) == [0, 1, 2, 3, 4]
    assert [posed[n][1][0, 3] for n in range(5)] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(posed[0][1][:3, :3], np.diag([1, -1, -1]))


def test_split_key_tells_a_test_frame(tmp_path):
    data = content()
    data["frames"][4].update(file_path="both", split="gt_no_object")
    posed = read(tmp_path, data)
    assert posed[4][1][0, 3] == 4


def test_lens_with_defaults_distortion_and_keys_of_its_own(tmp_path):
    data = with_frame(w=800, h=600, fl_x=900.0, fl_y=910.0, cx=390.0, cy=310.0, k1=0.2)
    posed = read(tmp_path, data)
    shared, own = posed[0][0], posed[1][0]
    assert (shared.fx, shared.fy, shared.cx, shared.cy) == (350, 350, 200, 150)
    assert (shared.k1, shared.k2, shared.p1, shared.p2) == (0.1, 0, 0, 0.01)
    assert (own.width, own.fx, own.fy, own.cx, own.cy, own.k1, own.p2) == (800, 900, 910, 390, 310, 0.2, 0.01)


def test_lens_from_the_field_of_view(tmp_path):
    data = content(camera_angle_x=np.pi / 2)
    del data["fl_x"], data["w"], data["h"]
    lens = read(tmp_path, data)[0][0]
    assert (lens.width, lens.height, lens.fx, lens.fy) == pytest.approx((400, 300, 200, 200))


def test_rounded_rotations_are_made_exact(tmp_path):
    angle = np.pi / 5
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    pose = read(tmp_path, with_frame(transform_matrix=matrix.round(3)[:3].tolist()))[1][1]
    np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(pose[:3, :3], matrix[:3, :3] @ np.diag([1, -1, -1]), atol=1e-3)


def changed(row: int, column: int, value: float) -> list:
    matrix = np.eye(4).tolist()
    matrix[row][column] = value
    return matrix


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"w": 4}, "has no list `frames`"),
        ([1], "has no list `frames`"),
        (content(frames=[]), "has no list `frames`"),
        (content(frames=[{"transform_matrix": []}]), "has a frame without file_path"),
        (content(frames=content()["frames"][:2]), "poses for 2 of the 4 photos, at least 3"),
        (with_frame(file_path="images/a.png"), r"lists images/a.png twice"),
        (with_frame(transform_matrix=[[1, 2], [3, 4]]), r"transform_matrix of ./images/b is 2x2; it must be"),
        (with_frame(transform_matrix=None), "is missing; it must be 3x4 or 4x4"),
        (with_frame(transform_matrix=[["x"] * 4] * 3), "is not a matrix of numbers"),
        (with_frame(transform_matrix=[[1, 2, 3, 4], [1]]), "is not a matrix of numbers"),
        (with_frame(transform_matrix=changed(0, 3, float("nan"))), "no finite numbers"),
        (with_frame(transform_matrix=changed(0, 0, 2.0)), "does not hold a rotation"),
        (with_frame(transform_matrix=changed(0, 0, -1.0)), "does not hold a rotation"),
        (with_frame(w=300, h=400), r"is 300x400 there, but the upright photo is 400x300"),
        (with_frame(w=0), "is 0x300 there"),
        (with_frame(fl_x="350"), "fl_x is '350'; it must be a finite number"),
        (with_frame(fl_x=0), "has no focal length"),
        (with_frame(fl_x=-3.0), "has fl_x -3.0"),
        (with_frame(k3=0.1), "only k1, k2, p1, p2 are known"),
        (content(camera_model="OPENCV_FISHEYE"), "only k1, k2, p1, p2 are known"),
    ],
)
def test_refused(tmp_path, data, sentence):
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, data)
