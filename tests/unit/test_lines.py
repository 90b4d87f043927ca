"""Edges that photos share: grey photos of dark and bright bands in space, drawn through a distorting lens."""

import cv2
import numpy as np
import pytest
import room

from nerfkit.cameras import Camera
from nerfkit.files import write_image
from nerfkit.objectives.keypoints import read_keypoints
from nerfkit.photos import Photo
from nerfkit.scene import View
from nerfkit.sfm.line_places import agreed
from nerfkit.sfm.lines import continued, contradicted, line_depth, sampled, shared_depth
from nerfkit.sfm.model import Model, PosedPhoto
from nerfkit.sfm.planes import WorldEdges
from nerfkit.sfm.segments import MOST, find_segments, passes, passing_map
from nerfkit.sfm.sparse_depth import write_sparse_depth

LENS = Camera(240, 180, 220.0, 220.0, 120.0, 90.0, k1=0.05)
POSES = room.arc(9)
# Middle lines of bands, ends (2, 3) in the room, and their grey levels on a wall of 120.
SEAM = np.array([[-0.6, -2.2, 6.0], [-0.5, 1.5, 6.2]]), 60
RAIL = np.array([[-1.2, 0.6, 4.4], [1.4, 0.9, 3.6]]), 190
POST = np.array([[0.6, -0.9, 3.2], [0.5, 0.4, 3.4]]), 40
BANDS = (SEAM, RAIL, POST)
WIDTH = 0.06  # of a band, in the room's unit
FINE = 4  # subpixels a side


def photo(pose: np.ndarray, bands: tuple) -> np.ndarray:
    """What the lens sees of bands from a pose, (180, 240, 3) uint8; nearer ones come later in the list."""
    fine = np.full((LENS.height * FINE, LENS.width * FINE), 120, np.uint8)
    for ends, grey in bands:
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        side = np.cross(along, [0, 0, 1.0])
        side *= 0.5 * WIDTH / np.linalg.norm(side)
        line = ends[0] + np.linspace(0, 1, 40)[:, None] * (ends[1] - ends[0])
        outline = np.concatenate([line + side, line[::-1] - side])
        xy = LENS.project((outline - pose[:3, 3]) @ pose[:3, :3]) * FINE - 0.5
        cv2.fillPoly(fine, [np.round(xy * 16).astype(np.int32)], grey, shift=4)
    small = cv2.resize(fine, (LENS.width, LENS.height), interpolation=cv2.INTER_AREA)
    return np.repeat(cv2.GaussianBlur(small, (0, 0), 0.7)[..., None], 3, axis=2)


def posed(number: int, pose: np.ndarray) -> PosedPhoto:
    """A training photo that sees all of 40 points."""
    name, size = f"view {number}", (LENS.width, LENS.height)
    shot = Photo(name, "train", f"{name}.png", size, 1, f"{name}.png", size, f"{name}.png", size)
    return PosedPhoto(shot, LENS, np.linalg.inv(pose), np.zeros((40, 2)), np.arange(40))


def line_depths(folder, shown, opacity: np.ndarray | None = None) -> dict:
    """`line_depth` of photos, as opaque as `opacity` (180, 240), on which `shown(number)` are the bands."""
    views = [posed(number, pose) for number, pose in enumerate(POSES)]
    for number, (view, pose) in enumerate(zip(views, POSES, strict=True)):
        layers = [photo(pose, shown(number)), *([] if opacity is None else [opacity])]
        write_image(folder / view.photo.file, np.dstack(layers))
    points = room.LOOK_AT + np.random.default_rng(0).uniform(-1, 1, (40, 3))
    return line_depth(Model(views, points, np.zeros((40, 3), np.uint8)), folder)


def misfits(found: dict, bands: tuple) -> np.ndarray:
    """How far the found points' depths are from those of bands (N, bands), relative; inf beside a band."""
    return np.concatenate(
        [
            np.stack([misfit(pose, *found[f"view {number}"], ends) for ends, _ in bands], axis=1)
            for number, pose in enumerate(POSES)
        ]
    )


def misfit(pose: np.ndarray, xy: np.ndarray, depth: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The same (N,) for one view and one band, whose rays pass within two pixels of it."""
    start, way, errors = ends[0], ends[0] - ends[1], []
    for ray, z in zip(room.rays(LENS, pose, xy), depth, strict=True):
        true, share = np.linalg.lstsq(np.stack([ray, way], 1), start - pose[:3, 3], rcond=None)[0]
        gap = np.linalg.norm(true * ray + share * way - start + pose[:3, 3])
        beside = gap < 0.5 * WIDTH + 2 * true / LENS.fx and -0.02 < share < 1.02
        errors.append(abs(z / true - 1) if beside else np.inf)
    return np.array(errors)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return line_depths(tmp_path_factory.mktemp("bands"), lambda number: BANDS)


def test_edges_are_found_at_their_depth_and_nothing_else(found):
    errors = misfits(found, BANDS)
    assert (errors.min(axis=1) < 0.03).mean() > 0.99
    assert np.median(errors.min(axis=1)) < 0.01
    for band in range(len(BANDS)):
        assert (errors[:, band] < 0.03).sum() > 9 * 40, "both edges in most photos"


def test_nothing_is_told_of_what_is_mostly_transparent(found, tmp_path):
    opacity = np.full((LENS.height, LENS.width), 255, np.uint8)
    opacity[:, :120] = 120
    cut = line_depths(tmp_path, lambda number: BANDS, opacity)
    before, after = (np.concatenate([xy[:, 0] for xy, _ in each.values()]) for each in (found, cut))
    assert (before < 120).sum() > 200, "the case does not occur"
    assert (after >= 120).all()
    assert len(after) > 0.8 * (before >= 120).sum()


def test_an_edge_of_few_photos_says_nothing(tmp_path):
    found = line_depths(tmp_path, lambda number: BANDS if number < 3 else (SEAM, RAIL))
    assert len(misfits(found, (SEAM, RAIL))) > 9 * 80
    assert (misfits(found, (SEAM, RAIL)).min(axis=1) < 0.03).all()


def test_an_edge_that_moves_says_nothing(tmp_path):
    """A person who walks by is at another place in every photo."""
    rng = np.random.default_rng(0)
    moved = [(POST[0] + rng.uniform(-0.5, 0.5, 3) * [2, 0.5, 1], POST[1]) for _ in range(9)]
    found = line_depths(tmp_path, lambda number: (SEAM, moved[number]))
    assert len(misfits(found, (SEAM,))) > 9 * 40
    assert (misfits(found, (SEAM,)) < 0.03).all()


def test_the_longest_edges_are_taken():
    grey = np.full((LENS.height, LENS.width), 60, np.uint8)
    for row in range(2, 170, 8):
        for column in range(4, 230, 20):
            grey[row : row + 4, column : column + (16 if column < 100 else 10)] = 200
    edges = find_segments(posed(0, POSES[0]), np.repeat(grey[..., None], 3, axis=2))
    assert len(edges) == MOST
    assert (np.linalg.norm(edges.xy[:, 1] - edges.xy[:, 0], axis=1) > 11).all()


def test_bare_photos_have_none(tmp_path):
    found = line_depths(tmp_path, lambda number: ())
    assert all(xy.shape == (0, 2) and z.shape == (0,) for xy, z in found.values())


def world_edges(ends: np.ndarray, owner: np.ndarray) -> WorldEdges:
    return WorldEdges(ends, owner, np.full(len(owner), 50.0))


def test_a_line_goes_on_where_other_photos_know_only_its_upper_half():
    pose = POSES[4]
    edges = find_segments(posed(4, pose), photo(pose, (SEAM,)))
    (start, end), _ = SEAM
    half = np.stack([start, start + 0.55 * (end - start)])
    side = np.array([0.5 * WIDTH, 0, 0])
    lines = np.stack([line + shift for shift in (side, -side) for line in (half, half[::-1])])
    known = np.concatenate([lines] * 4)
    depth = shared_depth(posed(4, pose), edges, world_edges(known, np.repeat(np.arange(4), len(lines))))
    assert np.isfinite(depth).all(axis=1).sum() >= 2
    cam = np.linalg.inv(pose)
    for ends, z in zip(edges.rays, depth, strict=True):
        if np.isfinite(z).all():
            xyz = (ends * z[:, None] - cam[:3, 3]) @ cam[:3, :3]
            across = np.linalg.norm(np.cross(xyz - start, end - start), axis=1) / np.linalg.norm(end - start)
            assert (across < WIDTH).all()
    lone = shared_depth(posed(4, pose), edges, world_edges(lines, np.zeros(len(lines), int)))
    assert np.isnan(lone).all(), "one photo's word is not enough"


def test_disparity_is_linear_along_a_straight_line():
    start, end = np.array([-1.0, 0.5, 2.0]), np.array([2.0, -1.0, 7.0])
    straight = Camera(100, 100, 50.0, 50.0, 50.0, 50.0)
    xy, z = sampled(straight.project(np.stack([start, end]))[None], np.array([[2.0, 7.0]]))
    xyz = np.column_stack([straight.unproject(xy), np.ones(len(xy))]) * z[:, None]
    np.testing.assert_allclose(np.cross(xyz - start, end - start), 0, atol=1e-9)
    spacing = np.linalg.norm(np.diff(xy, axis=0), axis=1)
    assert 2 < spacing.min() <= spacing.max() <= 4.0
    whole = continued(1 / z[None, [3, 6]], np.array([3 / (len(z) - 1)]), np.array([6 / (len(z) - 1)]))
    np.testing.assert_allclose(1 / whole, [[2.0, 7.0]])


def test_a_rival_leaves_no_place():
    depth = np.array([[2.0, 2.0], [2.02, 2.01], [5.0, 4.0]])
    assert agreed(depth, np.array([9, 8, 4])).tolist() == [True, True, False]
    assert agreed(depth, np.array([9, 8, 8])).tolist() == [False, False, False]
    assert agreed(depth, np.array([9, 8, 8]), slack=2.0).all()


def test_keypoints_close_by_know_better():
    points, z = (
        np.array([[10.0, 10.0], [12.0, 10.0], [10.0, 13.0], [60.0, 60.0]]),
        np.array([2.0, 2.2, 3.0, 9.0]),
    )
    xy = np.array([[11.0, 11.0]] * 4 + [[60.0, 61.0]])
    depth = np.array([2.5, 3.2, 3.4, 1.7, 1.0])
    assert contradicted(xy, depth, points, z).tolist() == [False, False, True, True, False]
    assert not contradicted(xy, depth, points[:2], z[:2]).any(), "two keypoints are too few"


def test_an_edge_passes_in_its_own_direction_alone():
    pose = POSES[0]
    edges = find_segments(posed(0, pose), photo(pose, (RAIL,)))
    middle, way = edges.xy.mean(axis=1)[:, None], edges.xy[:, 1] - edges.xy[:, 0]
    assert len(edges) == 2, "a bright band has two edges"
    assert (way[0] * way[1]).sum() < 0, "that point in opposite directions, the bright side on the same hand"
    assert passes(edges, middle, way).all()
    one = passing_map(edges.xy[:1], edges.passing.shape)
    alone = type(edges)(edges.xy[:1], edges.rays[:1], edges.normals[:1], one)
    turned = [
        way[:1] @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in (0.1, 1.0, np.pi)
    ]
    assert [bool(passes(alone, middle[:1], w).all()) for w in turned] == [True, False, False]


def test_keypoints_take_edges_outside_holes(tmp_path, found):
    views = [posed(number, pose) for number, pose in enumerate(POSES)]
    model = Model(views, room.LOOK_AT + np.zeros((40, 3)), np.zeros((40, 3), np.uint8))
    scaled = np.diag([2.0, 2.0, 2.0, 1.0])
    write_sparse_depth(tmp_path / "sparse.npz", model, views, found, scaled)
    view = View("view 0", "train", LENS, POSES[0], 1.0, 20.0, tmp_path / "view 0.png")
    bank, (xy, z) = read_keypoints(tmp_path / "sparse.npz", [view]), found["view 0"]
    assert len(bank) == 40 + len(z)
    np.testing.assert_allclose(bank.depth[40:], 2 * z, rtol=1e-6)
    assert (bank.confidence[40:] == 1).all()
    hole = np.zeros((LENS.height, LENS.width), bool)
    hole[: LENS.height // 2] = True
    low = read_keypoints(tmp_path / "sparse.npz", [view], {"view 0": hole})
    assert len(low) == (xy[:, 1] >= LENS.height // 2).sum() < len(z)
