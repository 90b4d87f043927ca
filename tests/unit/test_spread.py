"""Few labels spread over exactly ray-cast balls."""

import cv2
import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import dijkstra

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.extraction.division import label_reach, stands_apart
from nerfkit.extraction.label_cubes import MARGINS_AT_OUTLINES, cube_around, cubes_at_outlines
from nerfkit.extraction.labels import LabelSet, draw_labels
from nerfkit.extraction.object_field import ObjectFieldSettings, labelled
from nerfkit.extraction.spread import Spread, spread_labels
from nerfkit.extraction.surface_graph import SurfaceGraph, steady, step_costs
from nerfkit.extraction.viewpoints import looking_at
from nerfkit.extraction.visibility import Photographed
from nerfkit.files import write_image
from nerfkit.projection import lift
from nerfkit.scene import View

LENS = Camera(72, 72, 110.0, 110.0, 36.0, 36.0)
CENTRES, RADIUS = np.array([[-0.2, 0, 0], [0.2, 0, 0]]), 0.2
RED_AND_BLUE = ((0.8, 0.15, 0.1), (0.1, 0.2, 0.8))


def ball_photo(path, pose, colours):
    """Two balls that touch, on grey of unknown depth."""
    local = np.concatenate([LENS.unproject(LENS.pixel_centres()), np.ones((72 * 72, 1))], axis=1)
    directions, origin = local @ pose[:3, :3].T, pose[:3, 3]
    depth, rgb, thing = np.full(72 * 72, np.inf), np.full((72 * 72, 3), 0.5), np.zeros(72 * 72, int)
    for k, (centre, colour) in enumerate(zip(CENTRES, colours, strict=True)):
        a, b = (directions**2).sum(axis=1), directions @ (origin - centre)
        root = b * b - a * (((origin - centre) ** 2).sum() - RADIUS**2)
        t = np.where(root > 0, (-b - np.sqrt(root.clip(0))) / a, np.inf)
        nearer = t < depth
        depth[nearer], rgb[nearer], thing[nearer] = t[nearer], colour, k + 1
    write_image(path, (255 * rgb).astype(np.uint8).reshape(72, 72, 3))
    depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32).reshape(72, 72)
    view = View(path.stem, "train", LENS, pose, 0.5, 3.0, path)
    return Photographed(view, thing.reshape(72, 72) == 1, depth), thing.reshape(72, 72)


def two_balls(folder, colours=RED_AND_BLUE, count=12):
    """Photos all around, and of each which ball (1, 2) a pixel shows."""
    made = []
    for k, angle in enumerate(np.linspace(0, 2 * np.pi, count, endpoint=False)):
        centre = np.array([1.3 * np.sin(angle), 0.5 * (-1) ** k, -1.3 * np.cos(angle)])
        pose = looking_at(centre, np.zeros(3), np.array([0.0, -1, 0]))
        made.append(ball_photo(folder / f"v{k:02d}.png", pose, colours))
    return [each for each, _ in made], [things for _, things in made]


def one_label_each(things):
    """One pixel well inside each ball."""
    found = []
    for kind in (1, 2):
        rows, columns = np.nonzero(things[0] == kind)
        middle = np.argmin(np.hypot(rows - rows.mean(), columns - columns.mean()))
        found.append(torch.tensor([rows[middle] * 72 + columns[middle]]))
    return LabelSet(*found)


def overlap(masks, things):
    """Intersection over union with the first ball."""
    found, true = np.stack(masks), np.stack(things) == 1
    found = found & (np.stack(things) > 0)
    return (found & true).sum() / (found | true).sum()


def test_one_label_each_tells_two_touching_balls_apart(tmp_path):
    photographed, things = two_balls(tmp_path)
    spread = spread_labels(photographed, one_label_each(things))
    assert overlap(spread.masks, things) > 0.95


def test_balls_of_one_colour_part_at_the_crease(tmp_path):
    photographed, things = two_balls(tmp_path, (RED_AND_BLUE[0],) * 2)
    spread = spread_labels(photographed, one_label_each(things))
    assert overlap(spread.masks, things) > 0.9


def test_the_masks_are_not_looked_at(tmp_path):
    photographed, things = two_balls(tmp_path)
    blind = [Photographed(each.view, ~each.mask, each.depth) for each in photographed]
    labels = one_label_each(things)
    for a, b in zip(
        spread_labels(photographed, labels).masks, spread_labels(blind, labels).masks, strict=True
    ):
        assert (a == b).all()


def test_a_label_where_no_surface_is_known_is_refused(tmp_path):
    photographed, _ = two_balls(tmp_path)
    with pytest.raises(UserError, match="No label of the object lies on a surface"):
        spread_labels(photographed, LabelSet(torch.tensor([0]), torch.tensor([36 * 72 + 36])))


def test_given_labels_stay_as_they_were_given():
    probability, known = np.full((2, 3), 0.9), np.ones((2, 3), bool)
    probability[1, 2], probability[0, 1], known[1, 1] = 0.1, 0.5, False
    spread = Spread([probability], [known], [probability > 0.5])
    labels = spread.labels(LabelSet(torch.tensor([5]), torch.tensor([0])))
    assert labels.positive.tolist() == [2, 3, 5]  # 5 looked like something else
    assert labels.negative.tolist() == [0]  # 1 is not sure, 4 is not known
    assert not spread.masks[0][1, 2]


def test_all_labels_change_nothing_and_neither_do_few_without_spreading(tmp_path):
    photographed, _ = two_balls(tmp_path, count=3)
    masks = [each.mask for each in photographed]
    for settings in (ObjectFieldSettings(), ObjectFieldSettings(labels=8, spread=False)):
        seen, given, taught = labelled(photographed, settings, seed=3)
        expected = draw_labels(masks, settings.labels, "uniform", 3)
        assert seen is photographed
        assert given is taught
        assert torch.equal(taught.positive, expected.positive)
        assert torch.equal(taught.negative, expected.negative)
    seen, given, taught = labelled(photographed, ObjectFieldSettings(labels=8), seed=3)
    assert len(given) == 8
    assert len(taught) > 100
    assert set(given.positive.tolist()) <= set(taught.positive.tolist())


def test_a_concave_crease_costs_and_a_convex_one_does_not():
    places = np.array([[-1.0, 0, 0], [1.0, 0, 0]])
    leaning = np.array([[1.0, 0, 1], [-1.0, 0, 1]]) / np.sqrt(2)  # towards one another: a valley
    same = np.zeros((2, 3))
    pair = np.array([0]), np.array([1])
    lengths, valley = step_costs(places, leaning, same, *pair)
    assert lengths[0] == pytest.approx(2)
    assert valley[0] == pytest.approx(5 * (np.sqrt(2) - 0.1))
    assert step_costs(places, -leaning * [1, 1, -1], same, *pair)[1][0] == 0
    assert step_costs(places, leaning * [0, 0, 1], np.array([[0.0, 0, 0], [50, 0, 0]]), *pair)[1][
        0
    ] == pytest.approx(2 * 0.45)


def test_the_reach_of_labels_is_that_of_all_distances_between_them():
    rng = np.random.default_rng(0)
    starts, ends = np.nonzero(np.triu(rng.random((80, 80)) < 0.08, 1))
    lengths = rng.random(len(starts))
    nothing = np.zeros((80, 3))
    graph = SurfaceGraph(8, *[nothing] * 4, np.ones(80), starts, ends, lengths, 0 * lengths, [])
    own = np.array([3, 17, 40, 41, 77])
    steps = graph.matrix(lengths)
    among = dijkstra(steps, directed=False, indices=own)[:, own] + np.diag(np.full(5, np.inf))
    to_own, _, source = dijkstra(steps, directed=False, indices=own, min_only=True, return_predecessors=True)
    assert label_reach(graph, to_own, source, own) == pytest.approx(np.quantile(among.min(axis=1), 0.9))


def test_pixels_at_jumps_of_depth_are_known_where_others_show_their_surface(tmp_path):
    photographed, things = two_balls(tmp_path)
    spread = spread_labels(photographed, one_label_each(things))
    balls, known = np.stack(things) > 0, np.stack(spread.known)
    jumps = balls & ~np.stack([steady(each.depth) for each in photographed])
    assert jumps[balls].mean() > 0.2
    assert known[jumps].mean() > 0.5  # depths are exact here; some places only jumps show
    assert overlap(spread.masks, things) > 0.99


def chain(count):
    """A graph of nodes in a row."""
    starts = np.arange(count - 1)
    ones, nothing = np.ones(count - 1), np.zeros((count, 3))
    return SurfaceGraph(8, *[nothing] * 4, np.ones(count), starts, starts + 1, ones, 0 * ones, [])


def test_a_part_without_a_label_stands_apart():
    inside = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1, 1], bool)
    assert np.flatnonzero(stands_apart(chain(10), inside, np.array([4, 7]))).tolist() == [0, 1, 8, 9]
    assert not stands_apart(chain(10), inside, np.array([0, 5, 9])).any()
    assert not stands_apart(chain(10), ~inside & False, np.array([3])).any()


def test_the_cube_of_labels_at_outlines_holds_what_is_nearest_there(tmp_path):
    """Labels right beside the balls, where no surface is known."""
    photographed, things = two_balls(tmp_path)
    around = np.ones((3, 3), np.uint8)
    rim = [(cv2.dilate((each > 0).astype(np.uint8), around) > 0) & (each == 0) for each in things]
    beside = np.argwhere(np.stack(rim))
    chosen = beside[np.random.default_rng(0).choice(len(beside), 16, replace=False)]
    positive, negative = tuple(chosen[:8].T), tuple(chosen[8:].T)
    with pytest.raises(UserError, match="label others"):
        cube_around(photographed, positive, drawn=True)
    boxes = cubes_at_outlines(photographed, positive, negative)
    shown = [lift(each.view, each.depth)[each.depth > 0] for each in photographed]
    points = np.concatenate(shown)
    for box, margin in zip(boxes, MARGINS_AT_OUTLINES, strict=True):
        assert ((points > box.low) & (points < np.add(box.low, box.side))).all()
        assert box.side < 1.1 * (1 + 2 * margin) * np.ptp(points, axis=0).max()
    assert len({box.side for box in boxes}) == len(boxes) > 1
