"""The parts of a surface, the outlines between them, and the object of the shortest outlines."""

from itertools import product

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from test_spread import two_balls

from nerfkit.extraction import shortest_outline
from nerfkit.extraction.label_cubes import beside, cube_around, resolution
from nerfkit.extraction.label_nodes import BESIDE, UNTOLD, Choices
from nerfkit.extraction.shortest_outline import MISTAKEN, SHORTEST, Meanings, annealed, change, misfit
from nerfkit.extraction.surface_graph import surface_graph
from nerfkit.extraction.surface_parts import LEAST, SurfaceParts, farthest_parts, outline_lengths

FREEZING = np.r_[np.geomspace(5, 0.1, 150), np.ones(0), np.zeros(20)]


def graph_of_balls(folder):
    """The graph of a red and a blue ball, and where each view sees what lies beside its cube."""
    photographed, things = two_balls(folder)
    inside = [np.argwhere(each > 0) for each in things]
    pixels = np.vstack([np.c_[np.full(len(at), view), at] for view, at in enumerate(inside)])
    box = cube_around(photographed, tuple(pixels.T), drawn=True)
    graph = surface_graph(photographed, box, resolution(box, photographed))
    return graph, [beside(each, box) for each in photographed]


def test_parts_hang_together_and_lie_in_larger_ones(tmp_path):
    graph, outside = graph_of_balls(tmp_path)
    part, larger = farthest_parts(graph, 30)
    assert set(part) == set(range(30))
    assert larger.shape == (4, 30)  # of 10, 14, 20 and 28
    assert [len(set(level)) for level in larger] == [10, 14, 20, 28]
    within = graph.matrix((part[graph.starts] == part[graph.ends]).astype(float))
    within.eliminate_zeros()
    (_, whole), (_, piece) = (
        connected_components(each, directed=False) for each in (graph.matrix(graph.lengths), within)
    )
    stray = (np.bincount(whole, graph.counts) < LEAST * graph.counts.sum())[whole]
    assert 0 < stray.sum() < 20
    assert len(set(piece[~stray])) == 30
    parts = SurfaceParts.of(graph, outside)
    np.testing.assert_allclose(parts.mean(np.ones(len(graph)), graph), 1)
    assert parts.bonds.shape == parts.outlines.shape == (len(parts) + 1,) * 2


def test_parts_end_where_the_balls_do(tmp_path):
    graph, _ = graph_of_balls(tmp_path)
    red = graph.colours[:, 2] > 0  # CIELAB's b: blue is negative
    part, _ = farthest_parts(graph, 60)
    share = np.bincount(part, red) / np.bincount(part)
    assert (np.minimum(share, 1 - share) < 0.1).mean() > 0.9


def test_outlines_are_counted_as_pixels_side_by_side():
    shown = np.array([[0, 0, 1], [0, -1, 1], [2, 2, -1]])
    graph = type("Graph", (), {"pixels": [shown]})
    out = np.zeros((3, 3), bool)
    out[2, 2] = True  # beside the cube; the pixel in the middle is unknown, and nearest to four others
    lengths = outline_lengths(graph, [out], np.array([0, 1, 1]), 2)
    np.testing.assert_allclose(lengths, lengths.T)
    assert lengths[np.triu_indices(3)].sum() == pytest.approx(1)
    assert lengths[0, 2] == 0
    assert lengths[1, 2] > 0


def few_parts(seed, count=7):
    """Random evidence, bonds and outlines of some parts, and what eight labels may mean of them."""
    rng = np.random.default_rng(seed)
    pairs = [rng.random((count + 1, count + 1)) for _ in range(2)]
    bonds, outlines = (np.triu(each, 1) + np.triu(each, 1).T for each in pairs)
    label = np.repeat(np.arange(8), 3)
    inner, outer = rng.integers(0, count, (2, 24))
    outer[::5] = np.where(rng.random(5) < 0.5, UNTOLD, count)
    return (
        rng.normal(size=count),
        bonds,
        2 * outlines / outlines.sum(),
        (label, inner, outer, np.full(24, 1 / 3)),
    )


def energy(inside, evidence, bonds, outlines, meanings):
    """The sum that is to be least, by its definition."""
    torn = np.triu(inside[:, None] != inside)
    agreed = np.zeros(8)
    for label, inner, outer, share in zip(*meanings, strict=True):
        agreed[label] += share * (inside[inner] and (outer == UNTOLD or not inside[outer]))
    likely = MISTAKEN + (1 - MISTAKEN) * agreed / ((outlines * torn).sum() + SHORTEST)
    return (bonds * torn).sum() - evidence[inside[:-1]].sum() - np.log(likely).sum()


@pytest.mark.parametrize("seed", range(4))
def test_annealing_finds_the_least_of_all(seed):
    evidence, bonds, outlines, meanings = few_parts(seed)
    everything = [np.array([*inside, False]) for inside in product([False, True], repeat=7)]
    least = min(energy(inside, evidence, bonds, outlines, meanings) for inside in everything)
    draws = np.random.default_rng(seed).random((len(FREEZING), 7, 5))
    larger = np.array([[0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1, 1]])
    _, found = annealed(FREEZING, draws, larger, evidence, bonds, outlines, *meanings)
    assert found == pytest.approx(least)


def test_changes_are_differences_of_the_sum():
    evidence, bonds, outlines, meanings = few_parts(5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        before = np.append(rng.random(7) < 0.5, False)
        members = np.flatnonzero(rng.random(7) < 0.5)
        after = before.copy()
        after[members] = ~after[members]
        torn, longer = change(before, members, evidence, bonds, outlines)
        share = [(outlines * np.triu(each[:, None] != each)).sum() for each in (before, after)]
        assert longer == pytest.approx(share[1] - share[0])
        unlikely = [
            misfit(each, length, *meanings) for each, length in zip((before, after), share, strict=True)
        ]
        differ = [energy(each, evidence, bonds, outlines, meanings) for each in (before, after)]
        assert torn + unlikely[1] - unlikely[0] == pytest.approx(differ[1] - differ[0])


def test_a_thing_without_labels_is_not_the_object_and_one_with_its_share_is():
    """Three things side by side, of the same outlines, and nothing but labels to tell."""
    outlines = np.zeros((4, 4))
    outlines[:3, 3] = outlines[3, :3] = 1 / 3
    nothing, larger = np.zeros((4, 4)), np.zeros((1, 3), int)
    draws = np.random.default_rng(0).random((len(FREEZING), 3, 5))
    temperatures = np.where(FREEZING > 0, FREEZING, 1.0)
    for labels, found in (([0] * 8, [1, 0, 0]), ([0] * 4 + [1] * 4, [1, 1, 0]), ([0, 1, 2] * 3, [1, 1, 1])):
        rows = np.arange(len(labels)), np.array(labels), np.full(len(labels), 3), np.ones(len(labels))
        often, _ = annealed(temperatures, draws, larger, np.zeros(3), nothing, outlines, *rows)
        np.testing.assert_array_equal(often > 0.5, np.array(found, bool))


def test_meanings_of_the_same_parts_count_together():
    nodes = np.array([[0, 1], [2, 1], [1, BESIDE], [3, UNTOLD]])
    choices = Choices(nodes, np.zeros((4, 2, 3)), np.array([0.0, 0.0, 0.0, shortest_outline.UNLIKELIER]))
    parts = SurfaceParts(np.array([0, 1, 0, 1]), np.zeros((1, 2), int), np.zeros((3, 3)), np.zeros((3, 3)))
    found = Meanings.of([choices], parts)
    share = {(a, b): s for a, b, s in zip(found.inner, found.outer, found.share, strict=True)}
    total = 3 + np.exp(-1)
    expected = {(0, 1): 2 / total, (1, 2): 1 / total, (1, UNTOLD): np.exp(-1) / total}
    assert share == pytest.approx(expected)
