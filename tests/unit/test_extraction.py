"""Labels, denoising, completion, surfaces: on shapes whose answer is known."""

import json
import struct
from dataclasses import replace

import analytic
import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.extraction.asset_files import linear, write_glb, write_ply
from nerfkit.extraction.completion import below_surface, closed, diffused_colours, in_hull
from nerfkit.extraction.denoising import (
    smoothed_along_rays,
    smoothed_in_space,
    without_crumbs,
)
from nerfkit.extraction.labels import LabelSet, along_edges, boundary, draw_labels
from nerfkit.extraction.mesh import Mesh, face_areas, largest_part, scattered, vertex_normals
from nerfkit.extraction.minimal_surface import least_area
from nerfkit.extraction.viewpoints import seen_along
from nerfkit.extraction.visibility import Known, Photographed, classify, object_surface
from nerfkit.fields.object_box import Box
from nerfkit.files import write_image
from nerfkit.object_rendering import PartRendering
from nerfkit.objectives.extraction import Extraction, opacity_error
from nerfkit.projection import project
from nerfkit.rendering import Rendering

BOX = Box((-0.6, -0.6, -0.6), 1.2)


def masks(count=4):
    made = [np.zeros((12, 16), bool) for _ in range(count)]
    for k, mask in enumerate(made):
        mask[3:9, 2 + k : 8 + k] = True
    return made


def test_labels_are_half_of_each_kind_and_of_their_kind():
    flat = np.concatenate([mask.ravel() for mask in masks()])
    labels = draw_labels(masks(), 40, "uniform", seed=1)
    assert len(labels.positive) == len(labels.negative) == 20
    assert flat[labels.positive].all()
    assert not flat[labels.negative].any()
    assert len(set(labels.positive.tolist())) == 20
    everything = draw_labels(masks(), 0, "uniform", seed=1)
    assert len(everything) == flat.size
    index, kinds = labels.draw(10, torch.Generator().manual_seed(0))
    assert kinds.tolist() == [True] * 5 + [False] * 5
    assert (flat[index] == kinds.numpy()).all()


def test_boundary_against_filters_written_out():
    """The largest and the smallest of the 3x3 pixels around each; there is nothing beyond the picture."""
    mask = np.random.default_rng(0).random((14, 17)) > 0.7
    wanted = np.zeros_like(mask)
    for row in range(14):
        for column in range(17):
            around = mask[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            wanted[row, column] = around.max() != around.min()
    np.testing.assert_array_equal(boundary(mask), wanted)
    assert 0 < wanted.mean() < 1


def test_boundary_labels_touch_the_other_kind():
    mask = masks(1)[0]
    edge = boundary(mask)
    slow = np.zeros_like(mask)
    for row, column in np.ndindex(mask.shape):
        around = mask[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        slow[row, column] = around.any() != around.all()
    assert (edge == slow).all()
    labels = draw_labels(masks(), 16, "boundary", seed=0)
    flat = np.concatenate([boundary(mask).ravel() for mask in masks()])
    assert flat[labels.positive].all()
    assert flat[labels.negative].all()


def test_labels_are_drawn_anew_by_their_draw():
    sets = [
        draw_labels(masks(), 40, "uniform", seed, draw) for seed, draw in ((1, 0), (1, 1), (2, 0), (1, 1))
    ]
    chosen = [tuple(labels.positive.tolist() + labels.negative.tolist()) for labels in sets]
    assert len(set(chosen)) == 3
    assert chosen[1] == chosen[3]
    assert {len(labels) for labels in sets} == {40}


def test_labels_along_edges_are_those_within_the_reach_of_one():
    mask = np.zeros((40, 200), bool)
    mask[:, 80:] = True  # the reach is three columns on each side of column 80
    labels = LabelSet(torch.tensor([79, 80, 90, 199]), torch.tensor([0, 76, 77, 278]))
    near = along_edges(labels, [mask, np.zeros_like(mask)])
    assert near.positive.tolist() == [79, 80]
    assert near.negative.tolist() == [77, 278]
    assert along_edges(LabelSet(torch.tensor([90]), torch.tensor([77])), [mask]) is None


def test_half_of_what_is_drawn_lies_along_edges_where_there_are_any():
    inner, edge = (LabelSet(torch.tensor([k]), torch.tensor([k + 1])) for k in (10, 20))
    index, labels = Extraction(None, inner, edge).draw(8, torch.Generator())
    assert sorted(index.tolist()) == [10, 10, 11, 11, 20, 20, 21, 21]
    assert labels.tolist() == [pixel % 2 == 0 for pixel in index.tolist()]
    assert set(Extraction(None, inner).draw(8, torch.Generator())[0].tolist()) == {10, 11}


def test_labels_of_one_kind_are_refused():
    with pytest.raises(UserError, match="one kind only"):
        draw_labels([np.ones((4, 4), bool)], 0, "uniform", 0)


def rendering(depth):
    empty = torch.zeros(len(depth), 0)
    return Rendering(
        torch.zeros(len(depth), 3), torch.zeros(len(depth), 3), depth, torch.ones(len(depth)), empty, empty
    )


def part(accumulation, depth):
    return PartRendering(torch.zeros(len(depth), 3), accumulation, depth, torch.zeros(len(depth)))


def test_opacity_spares_what_goes_on_behind_another_thing_and_nothing_else():
    labels = torch.tensor([False, False, False, True])
    accumulation = torch.tensor([0.9, 0.9, 0.4, 0.7], requires_grad=True)
    own = part(accumulation, torch.tensor([3.0, 1.0, 3.0, 3.0]))
    opacity_error(own, rendering(torch.full((4,), 2.0)), labels).backward()
    expected = torch.tensor([0.0, 2 * 0.9, 2 * 0.4, 2 * (0.7 - 1)]) / 4
    torch.testing.assert_close(accumulation.grad, expected)


def test_five_means_leave_a_fifth_of_a_peak_and_all_of_a_plateau():
    density = torch.zeros(1, 41)
    density[0, 20] = 1
    kernel = np.array([1.0])
    for _ in range(5):
        kernel = np.convolve(kernel, np.ones(3) / 3)
    smooth = smoothed_along_rays(density)[0]
    np.testing.assert_allclose(smooth[15:26], kernel, atol=1e-6)
    assert 0.2 < float(smooth[20]) < 0.22
    torch.testing.assert_close(smoothed_along_rays(torch.ones(2, 9)), torch.ones(2, 9))
    cube = torch.zeros(21, 21, 21)
    cube[10, 10, 10] = 1
    assert float(smoothed_in_space(cube)[10, 10, 10]) == pytest.approx(kernel[5] ** 3, rel=1e-3)


def test_crumbs_go_and_parts_of_size_stay():
    solid = np.zeros((20, 20, 20), bool)
    solid[2:10, 2:10, 2:10] = True
    solid[15:19, 15:19, 15:19] = True
    solid[0, 19, 0] = True
    kept = without_crumbs(solid, 0.05)
    assert kept.sum() == 512 + 64
    assert without_crumbs(solid, 0.5).sum() == 512
    assert without_crumbs(np.zeros_like(solid), 0.5).sum() == 0


def photographed(count=6, half=0.8, folder=None):
    made = []
    for view in analytic.views(folder or analytic.Path("/nowhere"), count, half):
        shot = analytic.shoot(view.world_from_cam)
        if folder:
            view.path.parent.mkdir(exist_ok=True)
            write_image(view.path, shot.rgb)
        made.append(Photographed(view, shot.ball, shot.depth))
    return made


def test_projection_is_where_the_rays_come_from():
    view = analytic.views(analytic.Path("/nowhere"), 1)[0]
    points = np.array([[0, 0, 0], [0.3, 0.1, 0.2], [0, 0, -40.0]])
    found, z, inside = project(points, view)
    column, row = np.floor(found).astype(int).T
    local = (points - view.world_from_cam[:3, 3]) @ view.world_from_cam[:3, :3]
    xy = view.camera.project(local[:2])
    assert column.tolist()[:2] == np.floor(xy[:, 0]).astype(int).tolist()
    assert row.tolist()[:2] == np.floor(xy[:, 1]).astype(int).tolist()
    assert inside.tolist() == [True, True, False]
    np.testing.assert_allclose(z[:2], local[:2, 2])


def test_surface_points_lie_on_the_ball():
    surface = object_surface(photographed(), step=1)
    radii = np.linalg.norm(surface.points, axis=1)
    assert len(radii) > 50
    np.testing.assert_allclose(radii, analytic.BALL, atol=1e-3)
    empty = [Photographed(each.view, np.zeros_like(each.mask), each.depth) for each in photographed(2)]
    with pytest.raises(UserError, match="nothing to extract"):
        object_surface(empty)


def test_voxels_before_the_ball_are_seen_through_and_its_inside_is_hidden(tmp_path):
    known = classify(BOX, 32, photographed(folder=tmp_path))
    centres = BOX.voxel_centres(32).numpy().reshape(32, 32, 32, 3)
    radius = np.linalg.norm(centres, axis=-1)
    assert known.hidden[radius < 0.2].all()
    front = (centres[..., 2] < -0.5) & (np.abs(centres[..., 0]) < 0.3) & (np.abs(centres[..., 1]) < 0.3)
    assert (known.through[front] > 0).all()
    assert not known.own[radius > analytic.BALL + 0.12].any()
    assert known.own.any()
    assert known.other[np.abs(centres[..., 1] - 0.5) < 0.02].any()
    red = known.colours[known.own] * 255
    assert (red[:, 0] > 3 * red[:, 2]).mean() > 0.9


def test_a_single_depth_that_strays_into_the_ball_is_not_believed(tmp_path):
    views = photographed(40, folder=tmp_path)
    known = classify(BOX, 32, views)
    views[20] = replace(views[20], depth=views[20].depth + 0.3 * views[20].mask)
    strayed = classify(BOX, 32, views)
    deep = np.linalg.norm(BOX.voxel_centres(32).numpy(), axis=-1).reshape(32, 32, 32) < 0.25
    assert known.hidden[deep].all()
    assert strayed.hidden[deep].all()


def half_seen_ball(resolution=32, radius=0.35):
    """A ball of which photos saw all but the half behind z = 0.1, and everything outside in front of it."""
    centres = BOX.voxel_centres(resolution).numpy().reshape(resolution, resolution, resolution, 3)
    distance = np.linalg.norm(centres, axis=-1)
    front = centres[..., 2] < 0.1
    width = 1.5 * BOX.side / resolution
    own = front & (np.abs(distance - radius) < width)
    through = (front & (distance >= radius + width)).astype(np.int32)
    return Known(through, own, np.zeros_like(own), np.zeros((*own.shape, 3))), centres, distance


def test_the_completion_closes_a_ball_inside_its_hull_and_never_where_photos_saw_through():
    known, centres, distance = half_seen_ball()
    inside = closed(known)
    assert not (inside & (known.through > 0)).any()
    assert inside[(distance < 0.2) & (centres[..., 2] < 0.06)].mean() > 0.95
    assert not inside[distance > 0.42].any()
    assert not inside[centres[..., 2] > 0.2].any()


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_dent_hidden_by_a_ball_that_stands_on_a_plate_is_closed_flat(tilt):
    place = np.moveaxis(np.indices((64, 64, 64), float), 0, -1)
    height = (place - 32) @ np.array([1.0, 0, -tilt]) / np.hypot(1, tilt)
    ball = np.linalg.norm(place - [42, 32, 32], axis=-1) - 16
    plate = (np.abs(height) <= 1.5) & (ball > 0) & (np.linalg.norm(place[..., 1:] - 32, axis=-1) < 28)
    free = (height > 1.5) & (ball > 1.5)
    other = (np.abs(ball) <= 1.5) & (height > 0) & ~plate
    known = Known(free.astype(int), plate, other, np.zeros((*free.shape, 3)))
    enclosed = least_area(below_surface(known), free | other) > 0.5
    for column in (24, 32, 40):  # the hidden disc reaches from 20 to 44
        top = np.flatnonzero(enclosed[:, 32, column]).max()
        assert top == pytest.approx(32 + tilt * (column - 32), abs=1.5)


def test_the_hull_of_a_cube_holds_its_inside():
    corners = np.array([[x, y, z] for x in (0, 9) for y in (0, 9) for z in (0, 9)])
    surface = np.repeat(corners, 300, axis=0)
    assert in_hull(np.array([[5, 5, 5], [10, 5, 5], [0, 0, 8]]), surface).tolist() == [True, False, True]


def test_a_surface_of_one_layer_has_a_hull():
    layer = np.array([[x, 4, z] for x in range(6) for z in range(6)])
    assert in_hull(np.array([[3, 4, 3], [3, 5, 3], [7, 4, 3]]), layer).tolist() == [True, False, False]


def test_single_depths_that_stray_do_not_widen_the_hull():
    ball = np.argwhere(np.linalg.norm(np.indices((20, 20, 20)) - 10, axis=0) < 8)
    strayed = np.concatenate([ball, [[10, 19, 10]]])
    assert not in_hull(np.array([[10, 18, 10]]), strayed).any()


def test_colours_stay_where_they_were_seen_and_spread_from_there():
    colours, seen = np.zeros((12, 12, 12, 3), np.float32), np.zeros((12, 12, 12), bool)
    seen[:3] = True
    colours[:3] = [0.8, 0.2, 0.1]
    spread = diffused_colours(colours, seen)
    np.testing.assert_allclose(spread, np.broadcast_to([0.8, 0.2, 0.1], spread.shape), atol=1e-5)
    seen[-3:], colours[-3:] = True, [0.2, 0.8, 0.1]
    spread = diffused_colours(colours, seen)
    assert (np.diff(spread[..., 0], axis=0) < 1e-5).all()  # from the one to the other
    np.testing.assert_allclose(spread[[0, -1], 6, 6, 0], [0.8, 0.2], atol=0.1)


def octahedron(centre=(0.0, 0.0, 0.0), radius=1.0):
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]])
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return radius * points + np.array(centre), np.array(faces)


def coloured():
    vertices, faces = octahedron()
    normals = vertex_normals(vertices, faces)
    return Mesh(vertices, faces, normals, np.tile([1.0, 0.5, 0.0], (6, 1)))


def test_the_largest_part_stays_and_its_share_is_that_of_the_surface():
    (big, faces), (small, more) = octahedron(radius=1.0), octahedron((4, 0, 0), 0.1)
    vertices, connected = np.concatenate([small, big]), np.concatenate([more, faces + 6])
    kept, triangles, share = largest_part(vertices, connected)
    np.testing.assert_allclose(kept, big)
    assert (triangles == faces).all()
    assert share == pytest.approx(1 / 1.01)
    np.testing.assert_allclose(vertex_normals(kept, triangles), big, atol=1e-12)


def test_a_surface_is_looked_at_from_the_camera_it_faces():
    vertices, faces = octahedron()
    normals = vertex_normals(vertices, faces)
    directions = seen_along(vertices, normals, np.array([[5.0, 0, 0], [4.0, 4.0, 0]]))
    np.testing.assert_allclose(directions[0], [-1, 0, 0])
    np.testing.assert_allclose(directions[2], np.array([-4, -3, 0]) / 5)
    np.testing.assert_allclose(directions[[1, 3, 4, 5]], -normals[[1, 3, 4, 5]], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)


def test_points_lie_on_the_surface_evenly():
    cloud = scattered(coloured(), 4000, seed=0)
    np.testing.assert_allclose(np.abs(cloud.vertices).sum(1), 1, atol=1e-9)
    octants = (cloud.vertices > 0) @ [1, 2, 4]
    assert np.bincount(octants, minlength=8).min() > 400
    assert face_areas(*octahedron()).sum() == pytest.approx(4 * np.sqrt(3))


def test_marching_cubes_find_a_ball():
    measure = pytest.importorskip("skimage.measure", reason="scikit-image is not installed")
    axis = np.linspace(-1, 1, 40)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    ball = 1 / (1 + np.exp(20 * (np.sqrt(x**2 + y**2 + z**2) - 0.6)))
    vertices, faces, _, _ = measure.marching_cubes(ball, 0.5, gradient_direction="ascent")
    outward = vertex_normals(vertices, faces)
    away = vertices - vertices.mean(0)
    assert ((outward * away).sum(1) > 0).all()


def test_the_ply_file_reads_back(tmp_path):
    mesh = coloured()
    write_ply(tmp_path / "mesh.ply", mesh)
    header, _, body = (tmp_path / "mesh.ply").read_bytes().partition(b"end_header\n")
    assert b"element vertex 6" in header
    assert b"element face 8" in header
    first = struct.unpack_from("<6f3B", body)
    assert first[:3] == tuple(mesh.vertices[0])
    assert first[6:] == (255, 128, 0)
    assert struct.unpack_from("<B3i", body, 6 * 27) == (3, *mesh.faces[0].tolist())
    assert len(body) == 6 * 27 + 8 * 13


@pytest.mark.parametrize("cloud", [False, True])
def test_the_glb_file_keeps_to_the_standard(tmp_path, cloud):
    mesh = scattered(coloured(), 50, 0) if cloud else coloured()
    write_glb(tmp_path / "mesh.glb", mesh)
    data = (tmp_path / "mesh.glb").read_bytes()
    magic, version, total, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    assert length % 4 == 0
    document = json.loads(data[20 : 20 + length])
    assert document["buffers"][0]["byteLength"] == struct.unpack_from("<I", data, 20 + length)[0]
    primitive = document["meshes"][0]["primitives"][0]
    assert ("indices" in primitive) != cloud
    start = 28 + length
    accessor = document["accessors"][primitive["attributes"]["POSITION"]]
    positions = np.frombuffer(data, "<f4", 3 * accessor["count"], start).reshape(-1, 3)
    np.testing.assert_allclose(positions.min(0), accessor["min"])
    np.testing.assert_allclose(positions[:, 1], mesh.vertices[:, 2], atol=1e-6)  # y is up
    view = document["bufferViews"][primitive["attributes"]["COLOR_0"]]
    colours = np.frombuffer(data, "<f4", 3, start + view["byteOffset"])
    np.testing.assert_allclose(colours, linear(np.array([1.0, 0.5, 0.0])), atol=1e-6)
