"""What labels at outlines mean, by their looks and by what the others say."""

import numpy as np
import torch
from test_spread import overlap, two_balls

from nerfkit.extraction.division import FOLDS, KERNEL, Divider, LabelColours, cross_examined, folds
from nerfkit.extraction.label_nodes import BESIDE, Labelled, choices_around, label_nodes, likeliest
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.spread import beside, cube_around, resolution, spread_labels
from nerfkit.extraction.surface_graph import surface_graph
from nerfkit.files import read_image, write_image
from nerfkit.segmentation.appearance import lab_image


def test_a_label_means_the_right_node_that_is_most_like_it():
    nodes, unlike = np.array([3, 1, BESIDE]), np.array([5.0, 9.0, 1.0])
    assert likeliest(nodes, unlike, np.array([0, 1, 0, 1, 0], bool)) == 3
    assert likeliest(nodes, unlike, np.array([0, 1, 0, 0, 0], bool)) == 1
    assert likeliest(nodes, unlike, np.array([0, 1, 0, 1, 1], bool)) == BESIDE
    assert likeliest(nodes, unlike, np.zeros(5, bool)) == BESIDE  # none is right: the most alike
    assert likeliest(nodes[:0], unlike[:0], np.ones(5, bool)) == BESIDE


def test_what_lies_beside_the_cube_may_be_meant():
    shown, beside = np.full((9, 9), -1), np.zeros((9, 9), bool)
    shown[:, 5:], beside[:, :4] = 0, True  # nothing is known between
    lab, colours = np.zeros((9, 9, 3)), np.array([[80.0, 0, 0]])
    lab[:, 5:] = 80
    nodes, unlike = choices_around(4, 3, shown, colours, lab, beside)
    assert sorted(set(nodes.tolist())) == [BESIDE, 0]
    assert nodes[np.argmin(unlike)] == BESIDE
    nodes, unlike = choices_around(4, 3, shown, colours, lab, ~beside & False)
    assert set(nodes.tolist()) == {0}
    assert not len(choices_around(4, 0, shown, colours, lab, ~beside & False)[0])


def where_the_balls_meet(folder):
    """Photos of two balls; in the first, a pixel of the red one beside the blue one looks blue, too."""
    photographed, things = two_balls(folder)
    blue = np.argwhere(things[0] == 2)
    rows, columns = np.nonzero(things[0] == 1)
    nearest = np.argmin([np.hypot(*(blue - at).T).min() for at in zip(rows, columns, strict=True)])
    picture = np.array(read_image(photographed[0].view.path))
    picture[rows[nearest], columns[nearest]] = picture[tuple(blue[0])]
    write_image(photographed[0].view.path, picture)
    return photographed, things, (0, rows[nearest], columns[nearest])


def drawn_inside(things, kind, count):
    """Pixels (view, row, column) of one ball."""
    inside = np.argwhere(np.stack(things) == kind)
    return inside[np.random.default_rng(0).choice(len(inside), count, replace=False)]


def test_the_others_tell_which_ball_a_label_between_both_means(tmp_path):
    photographed, things, between = where_the_balls_meet(tmp_path)
    red, blue = drawn_inside(things, 1, 6), drawn_inside(things, 2, 6)
    pixels = np.vstack([red, between])
    box = cube_around(photographed, tuple(np.vstack([red, blue]).T), drawn=True)
    graph = surface_graph(photographed, box, resolution(box, photographed))
    labs = {k: lab_image(each.view.image()) for k, each in enumerate(photographed)}
    outside = [beside(each, box) for each in photographed]
    own, other = (label_nodes(tuple(at.T), graph, labs, outside) for at in (pixels, blue))
    of_the_blue = graph.places[:, 0] * box.side + box.low[0] > 0
    assert of_the_blue[own.nodes[-1]]  # by its looks alone
    colours = [LabelColours.of(kind, graph.colours) for kind in (own, other)]
    own, other = cross_examined(Divider.on(graph, drawn=True), own, other, colours)
    assert not of_the_blue[own.placed].any()
    assert of_the_blue[other.placed].all()


def test_the_colours_of_labels_without_a_fold_are_those_of_the_others():
    rng = np.random.default_rng(0)
    places, examples = rng.uniform(0, 20, (30, 3)), rng.uniform(0, 20, (FOLDS + 3, 3))
    kind = Labelled(examples, [], np.zeros(len(examples), int))

    def mean_kernel(examples):
        away = np.linalg.norm(places[:, None] - examples, axis=2)
        return np.exp(-((away / KERNEL) ** 2) / 2).mean(axis=1)

    colours = LabelColours.of(kind, places)
    np.testing.assert_allclose(colours.density(), mean_kernel(examples))
    for fold in range(FOLDS):
        others = examples[folds(len(examples)) != fold]
        np.testing.assert_allclose(colours.density(without=fold), mean_kernel(others))
    alone = LabelColours.of(Labelled(examples[:1], [], np.zeros(1, int)), places)
    assert not alone.density(without=0).any()


def test_one_label_of_each_kind_has_no_others_to_ask(tmp_path):
    photographed, things = two_balls(tmp_path)
    pixels = [drawn_inside(things, kind, 1) for kind in (1, 2)]
    labels = LabelSet(*(torch.from_numpy(at[:, 0] * 72 * 72 + at[:, 1] * 72 + at[:, 2]) for at in pixels))
    assert overlap(spread_labels(photographed, labels).masks, things) > 0.95
