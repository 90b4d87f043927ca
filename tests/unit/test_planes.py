"""Bare walls between edges: photos of flat shapes in space, drawn through a distorting lens."""

import cv2
import numpy as np
import pytest
import room

from nerfkit.cameras import Camera
from nerfkit.files import write_image
from nerfkit.photos import Photo
from nerfkit.sfm.bare_surfaces import agreement, look, parts, visible
from nerfkit.sfm.lines import line_depth
from nerfkit.sfm.model import Model, PosedPhoto
from nerfkit.sfm.planes import WorldEdges, find_planes

LENS = Camera(240, 180, 220.0, 220.0, 120.0, 90.0, k1=0.05)
POSES = room.arc(9)
FINE = 4  # subpixels a side
SKY = (190, 205, 225)


def on_wall(x: float, y: float) -> list[float]:
    """A point of the wall, which stands at an angle."""
    return [x, y, 6.0 + 0.3 * x]


def rectangle(left: float, right: float, top: float, bottom: float) -> np.ndarray:
    """Corners (4, 3) of a part of the wall."""
    return np.array([on_wall(left, top), on_wall(right, top), on_wall(right, bottom), on_wall(left, bottom)])


WALL = rectangle(-3.0, 3.0, -1.2, 4.0), (120, 122, 118)
SEAM = rectangle(-0.63, -0.57, -1.2, 4.0), (50, 50, 50)
STAND = np.array([[0.2, 0.1, 3.6], [0.7, 0.1, 3.5], [0.7, 2.0, 3.5], [0.2, 2.0, 3.6]]), (70, 66, 64)


def photo(pose: np.ndarray, shapes: tuple) -> np.ndarray:
    """What the lens sees of flat shapes before the sky, (180, 240, 3) uint8; nearer ones come later."""
    fine = np.full((LENS.height * FINE, LENS.width * FINE, 3), SKY, np.uint8)
    for corners, colour in shapes:
        rim = np.concatenate(
            [np.linspace(a, b, 40) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
        )
        local = (rim - pose[:3, 3]) @ pose[:3, :3]
        xy = LENS.project(local[local[:, 2] > 0.3]) * FINE - 0.5
        cv2.fillPoly(fine, [np.round(xy * 16).astype(np.int32)], colour, shift=4)
    small = cv2.resize(fine, (LENS.width, LENS.height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 0.7)


def posed(number: int, points: np.ndarray) -> PosedPhoto:
    """A training photo and its pixels of those points that are in its frame."""
    name, size, cam = f"view {number}", (LENS.width, LENS.height), np.linalg.inv(POSES[number])
    shot = Photo(name, "train", f"{name}.png", size, 1, f"{name}.png", size, f"{name}.png", size)
    xy = LENS.project(points @ cam[:3, :3].T + cam[:3, 3])
    seen = LENS.frames(xy)
    return PosedPhoto(shot, LENS, cam, xy[seen], np.nonzero(seen)[0])


def on_stand() -> np.ndarray:
    """Keypoints (60, 3)."""
    return np.random.default_rng(0).uniform([0.2, 0.1, 3.5], [0.7, 1.0, 3.6], (60, 3))


def found(folder, shapes: tuple, points: np.ndarray) -> dict:
    """`line_depth` of photos of some shapes and of keypoints (60, 3)."""
    views = [posed(number, points) for number in range(len(POSES))]
    for view, pose in zip(views, POSES, strict=True):
        write_image(folder / view.photo.file, photo(pose, shapes))
    return line_depth(Model(views, points, np.zeros((60, 3), np.uint8)), folder)


def flat_parts(found: dict, shapes: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Of the points that lie well inside a shape: which one (N,), the sky is -1, and how far their depth is
    from the shape's, relative (N,)."""
    which, error = [np.zeros(0, int)], [np.zeros(0)]
    for number, pose in enumerate(POSES):
        xy, z = found[f"view {number}"]
        column, row = np.floor(xy).astype(int).T
        painted = photo(pose, tuple((corners, (k + 1, 0, 0)) for k, (corners, _) in enumerate(shapes)))
        label = np.where((photo(pose, shapes) == SKY).all(axis=2), 0, painted[..., 0])
        even = cv2.erode(label, np.ones((9, 9))) == cv2.dilate(label, np.ones((9, 9)))
        for k in range(-1, len(shapes)):
            on = even[row, column] & (label[row, column] == k + 1)
            true = shape_depth(pose, xy[on], shapes[k][0])
            which.append(np.full(on.sum(), k))
            error.append(np.abs(z[on] / true - 1))
    return np.concatenate(which), np.concatenate(error)


def shape_depth(pose: np.ndarray, xy: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """z-depth (N,) at which pixels (N, 2) of a pose meet the plane of a flat shape."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    return ((corners[0] - pose[:3, 3]) @ normal) / (room.rays(LENS, pose, xy) @ normal)


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    shapes = (WALL, SEAM, STAND)
    return flat_parts(found(tmp_path_factory.mktemp("wall"), shapes, on_stand()), shapes)


def test_a_bare_wall_lies_in_the_plane_of_its_seam_and_its_border(wall):
    shape, error = wall
    assert (shape == 0).sum() > 9 * 60
    assert np.median(error[shape == 0]) < 0.01
    assert error[shape == 0].max() < 0.04


def test_the_sky_is_not_put_on_it(wall):
    assert (wall[0] == -1).sum() == 0


def test_what_stands_before_the_wall_is_not_put_on_it_either(wall):
    shape, error = wall
    assert error[shape == 2].max(initial=0) < 0.04


def test_a_border_alone_tells_no_plane(tmp_path):
    endless = rectangle(-30.0, 30.0, -1.2, 4.0), WALL[1]
    border = np.array([on_wall(x, -1.2) for x in np.linspace(-1.5, 1.5, 60)])
    told = found(tmp_path, (endless,), border)
    assert sum(len(z) for _, z in told.values()) > 9 * 20, "the border itself is known"
    assert len(flat_parts(told, (endless,))[0]) == 0


def test_a_bare_box_without_keypoints_lies_in_the_plane_of_its_own_edges(tmp_path):
    left, right, top, bottom = -0.6, 0.4, -0.5, 0.3
    corners = [[left, top, 4.0], [right, top, 4.1], [right, bottom, 4.1], [left, bottom, 4.0]]
    shapes = WALL, SEAM, (np.array(corners), (150, 148, 150))
    shape, error = flat_parts(found(tmp_path, shapes, on_stand()), shapes)
    for number in (0, 2):
        assert (shape == number).sum() > 9 * 60
        assert np.median(error[shape == number]) < 0.01
        assert error[shape == number].max() < 0.04


def test_points_behind_keypoints_are_hidden():
    view = posed(4, on_stand())
    one = look(view, photo(POSES[4], (WALL, STAND)), on_stand())
    before = view.in_world(view.rays(view.xy) * 0.8 * one.z[:, None])
    beside = np.array([[-0.8, -0.4, 5.8]])
    assert visible(beside, posed(0, beside), one)[0].all()
    assert visible(before, posed(0, beside), one)[0].all()
    through_them = view.in_world(view.rays(view.xy) * 1.2 * one.z[:, None])
    assert not visible(through_them, posed(0, beside), one)[0].any()


@pytest.mark.parametrize(
    ("other", "share"), [((150, 150, 150), 1), ((120, 140, 100), 0)], ids=["another exposure", "another hue"]
)
def test_surfaces_are_alike_by_hue_not_by_brightness(other, share):
    nothing = np.zeros((0, 3))
    even, tinted = (
        look(posed(number, nothing), np.full((LENS.height, LENS.width, 3), colour, np.uint8), nothing)
        for number, colour in ((0, (120, 120, 120)), (4, other))
    )
    (part,) = parts(even.bare)
    depth = np.full(len(part.samples), 3.5)
    assert agreement(even, part, depth, [tinted])[0] == share
    assert agreement(even, part, depth, [])[0] == 0


def edges_of(*lines) -> WorldEdges:
    """Lines (2, 3) as three views know them."""
    ends = np.repeat(np.array(lines, float), 3, axis=0)
    return WorldEdges(ends, np.tile(np.arange(3), len(lines)), np.full(len(ends), 60.0))


@pytest.fixture
def three_views():
    return [posed(number, room.LOOK_AT[None]) for number in range(3)]


ACROSS = [[-1, -1, 6], [1, -1, 7]]
DOWN = [[0, -1, 6.5], [0, 1, 6.5]]


def test_two_lines_that_meet_tell_a_plane(three_views):
    (plane,) = find_planes(edges_of(ACROSS, DOWN), three_views, np.zeros((0, 3)))
    np.testing.assert_allclose(np.abs(plane.normal), np.array([0.5, 0, 1]) / np.sqrt(1.25), atol=1e-6)
    assert plane.distance(np.array(ACROSS + DOWN)).max() < 1e-6
    view = three_views[0]
    rays = view.rays(np.array([[100.0, 80.0], [140.0, 90.0]]))
    points = view.in_world(rays * plane.depth(view, rays)[:, None])
    assert plane.distance(points).max() < 1e-6
    assert np.isnan(plane.depth(view, -rays)).all()


@pytest.mark.parametrize(
    "second",
    [[[-1, 1, 6], [1, 1, 7]], [[0, -1, 8], [0, 1, 8]]],
    ids=["parallel ones", "ones that pass each other"],
)
def test_other_lines_tell_none(three_views, second):
    assert find_planes(edges_of(ACROSS, second), three_views, np.zeros((0, 3))) == []


def test_two_views_are_too_few(three_views):
    edges = edges_of(ACROSS, DOWN)
    assert find_planes(edges[edges.owner < 2], three_views, np.zeros((0, 3))) == []


def test_a_plane_is_known_inside_the_outline_of_its_lines(three_views):
    (plane,) = find_planes(edges_of(ACROSS, DOWN), three_views, np.zeros((0, 3)))
    inside = plane.encloses(
        np.array([[0, 0, 6.5], [0.4, 0, 6.7], [0.9, 0.8, 6.95], [0, -1.5, 6.5], [-3, 0, 5]])
    )
    assert inside.tolist() == [True, True, False, False, False]


def test_keypoints_say_more_exactly_where_a_plane_is_but_do_not_tilt_it(three_views):
    rng = np.random.default_rng(1)
    spread = np.column_stack([rng.uniform(-0.3, 0.3, 60), rng.uniform(-0.9, 0.3, 60), np.zeros(60)])
    spread[:, 2] = 6.5 + 0.5 * spread[:, 0] + 0.04
    (plane,) = find_planes(edges_of(ACROSS, DOWN), three_views, spread)
    assert plane.distance(spread).max() < 1e-4
    corner = np.array([0, 0.0, 6.5]) + rng.uniform(-1, 1, (60, 3)) * [0.02, 0.02, 0.06]
    (untilted,) = find_planes(edges_of(ACROSS, DOWN), three_views, corner)
    assert untilted.distance(np.array(ACROSS + DOWN)).max() < 0.13
