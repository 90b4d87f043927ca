"""What labels at outlines mean, by their looks and by what the others say."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_spread import overlap, two_balls

from nerfkit.extraction.division import KERNEL, Divider, LabelColours, cross_examined
from nerfkit.extraction.label_cubes import beside, cube_around, resolution
from nerfkit.extraction.label_nodes import (
    BESIDE,
    FOLDS,
    UNTOLD,
    Choices,
    Sight,
    anywhere,
    at_an_outline,
    node_labels,
)
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.spread import spread_labels
from nerfkit.extraction.surface_graph import surface_graph
from nerfkit.files import read_image, write_image
from nerfkit.segmentation.appearance import lab_image


def test_a_label_means_what_is_right_and_least_unlikely():
    nodes = np.array([[3, UNTOLD], [1, UNTOLD], [BESIDE, UNTOLD]])
    looks = np.arange(18.0).reshape(3, 2, 3)
    choices = Choices(nodes, looks, np.array([5.0, 9.0, 7.0]))
    for inside, chosen in (([0, 1, 0, 1], 0), ([0, 1, 0, 0], 1), ([0, 0, 0, 0], 0)):
        node, look = choices.best(np.array(inside, float))
        assert tuple(node) == tuple(nodes[chosen])
        assert (look == looks[chosen]).all()
    flipped = choices.flipped()  # of the rest: what lies beside is right, whatever others say
    assert tuple(flipped.best(np.ones(4))[0]) == (UNTOLD, BESIDE)
    assert tuple(flipped.best(np.array([0, 1, 0, 0.4]))[0]) == (UNTOLD, 3)
    nothing = Choices(nodes[:0], looks[:0], np.zeros(0))
    assert tuple(nothing.best()[0]) == (BESIDE, BESIDE)


def test_what_lies_beside_the_cube_may_be_meant():
    shown, beside = np.full((9, 9), -1), np.zeros((9, 9), bool)
    shown[:, 5:], beside[:, :4] = 0, True  # nothing is known between
    lab, graph = np.zeros((9, 9, 3)), SimpleNamespace(colours=np.array([[80.0, 0, 0]]), normals=np.eye(1, 3))
    lab[:, 5:] = 80
    choices = anywhere(4, 3, Sight(shown, lab, beside), graph)
    assert sorted(set(choices.nodes[:, 0].tolist())) == [BESIDE, 0]
    assert choices.best()[0][0] == BESIDE
    sight = Sight(shown, lab, np.zeros((9, 9), bool))
    assert set(anywhere(4, 3, sight, graph).nodes[:, 0].tolist()) == {0}
    assert not len(anywhere(4, 0, sight, graph).unlikely)


def two_halves():
    """A view whose left half shows node 0, dark, and whose right half shows node 1, bright."""
    shown = np.where(np.arange(11) < 5, 0, 1) * np.ones((11, 1), int)
    graph = SimpleNamespace(colours=np.array([[20.0, 0, 0], [80.0, 0, 0]]), normals=np.eye(1, 3)[[0, 0]])
    return Sight(shown, graph.colours[shown], np.zeros((11, 11), bool)), graph


@pytest.mark.parametrize("column", [4, 5])
def test_a_label_at_an_outline_tells_of_both_sides(column):
    sight, graph = two_halves()
    nodes, looks = at_an_outline(5, column, sight, graph).best()
    assert tuple(nodes) == (column > 4, column <= 4)
    assert (looks == graph.colours[nodes]).all()


def test_the_others_tell_which_side_of_an_outline_is_the_object():
    sight, graph = two_halves()
    sight.lab[5, 4] = graph.colours[1]  # the label is dark, and its pixel was blurred
    choices = at_an_outline(5, 4, sight, graph)
    assert tuple(choices.best()[0]) == (1, 0)
    nodes, looks = choices.best(np.array([1.0, 0.6]))  # which is more so
    assert tuple(nodes) == (0, 1)
    assert (looks == graph.colours).all()


def test_a_meaning_is_the_likelier_the_more_it_agrees_and_the_less_unlikely_it_is():
    nodes = np.array([[0, 1], [1, 0], [1, BESIDE], [1, UNTOLD]])
    choices = Choices(nodes, np.zeros((4, 2, 3)), np.array([1.0, 2.0, 3.0, 4.0]))
    # 1, 0.01, 0.1 and 0.1; then 0.001 as the least, 0.81, 0.9 and 0.9, or by what looks right alone
    assert tuple(choices.likeliest(np.array([1.0, 0.1]), 20.0)[0]) == (0, 1)
    assert tuple(choices.likeliest(np.array([0.1, 0.9]), 20.0)[0]) == (1, BESIDE)
    assert tuple(choices.likeliest(np.array([0.1, 0.9]), 1.0)[0]) == (1, 0)
    assert tuple(choices.likeliest(np.array([0.1, 0.9]), 0.1)[0]) == (0, 1)


def test_sides_of_an_outline_lie_opposite_and_in_the_view():
    sight, graph = two_halves()
    sight.shown[:] = np.arange(121).reshape(11, 11)
    graph.colours = graph.normals = np.zeros((121, 3))
    rows, columns = np.divmod(at_an_outline(1, 9, sight, graph).nodes, 11)
    assert (rows.sum(axis=1) == 2).all()
    assert (columns.sum(axis=1) == 18).all()
    assert len(rows) == 3 * 3 - 1  # the view's corner is a pixel away


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
    sights = {
        k: Sight(graph.pixels[k], lab_image(each.view.image()), beside(each, box))
        for k, each in enumerate(photographed)
    }
    labels = node_labels((tuple(pixels.T), tuple(blue.T)), sights, graph)
    of_the_blue = graph.places[:, 0] * box.side + box.low[0] > 0
    assert of_the_blue[labels.nodes[len(pixels) - 1, 0]]  # by its looks alone
    labels = cross_examined(Divider.on(graph, drawn=True), labels)
    inner, outer = labels.placed()
    assert not of_the_blue[inner].any()
    assert of_the_blue[outer].all()


def test_the_colours_of_labels_without_a_fold_are_those_of_the_others():
    rng = np.random.default_rng(0)
    places, examples = rng.uniform(0, 20, (30, 3)), rng.uniform(0, 20, (FOLDS + 3, 3))
    fold = np.arange(len(examples)) % FOLDS

    def mean_kernel(examples):
        away = np.linalg.norm(places[:, None] - examples, axis=2)
        return np.exp(-((away / KERNEL) ** 2) / 2).mean(axis=1)

    colours = LabelColours.of(np.vstack([examples, np.full(3, np.nan)]), np.append(fold, 0), places)
    np.testing.assert_allclose(colours.density(), mean_kernel(examples))
    for each in range(FOLDS):
        np.testing.assert_allclose(colours.density(without=each), mean_kernel(examples[fold != each]))
    alone = LabelColours.of(examples[:1], fold[:1], places)
    assert not alone.density(without=0).any()


def test_one_label_of_each_kind_has_no_others_to_ask(tmp_path):
    photographed, things = two_balls(tmp_path)
    pixels = [drawn_inside(things, kind, 1) for kind in (1, 2)]
    labels = LabelSet(*(torch.from_numpy(at[:, 0] * 72 * 72 + at[:, 1] * 72 + at[:, 2]) for at in pixels))
    assert overlap(spread_labels(photographed, labels).masks, things) > 0.95


def where_they_touch(things, count=6):
    """Pixels (view, row, column) of the red ball beside the blue one, and of the blue one beside the red."""
    red = np.argwhere([(each == 1) & (np.roll(each, -1, axis=1) == 2) for each in things])
    blue = np.argwhere([(each == 2) & (np.roll(each, 1, axis=1) == 1) for each in things])
    rng = np.random.default_rng(0)
    return [tuple(each[rng.choice(len(each), count, replace=False)].T) for each in (red, blue)]


def test_labels_where_two_balls_touch_tell_of_both(tmp_path):
    photographed, things = two_balls(tmp_path)
    pixels = where_they_touch(things, 40)
    box = cube_around(photographed, tuple(np.hstack(pixels)), drawn=True)
    graph = surface_graph(photographed, box, resolution(box, photographed))
    sights = {
        k: Sight(graph.pixels[k], lab_image(each.view.image()), beside(each, box))
        for k, each in enumerate(photographed)
    }
    of_the_blue = graph.places[:, 0] * box.side + box.low[0] > 0
    labels = node_labels(pixels, sights, graph, at_outlines=True)
    inner, outer = labels.placed()
    assert min(len(inner), len(outer)) > 70  # beside the grey no surface is known
    assert (~of_the_blue[inner]).mean() > 0.9
    assert of_the_blue[outer].mean() > 0.9
