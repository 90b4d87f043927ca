"""Borders inside a hole against the lines and arcs that they should be."""

import numpy as np
import pytest

from nerfkit.inpainting.borders import (
    continue_labels,
    least_length,
    on_simplex,
    shortest_borders,
    softmax_regression,
)
from nerfkit.inpainting.regions import grown


def disc(shape=(120, 160), radius=45):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - shape[0] / 2, columns - shape[1] / 2) < radius


def around(hole):
    """The rim, and all that is known."""
    return grown(hole, 2) & ~hole, ~hole


def test_the_edge_of_a_table_is_joined_by_a_straight_line():
    hole = disc()
    rows, columns = np.mgrid[:120, :160]
    truth = np.where(rows > 45 + 0.2 * columns, 4, -1)
    found = continue_labels(np.where(hole, 7, truth), *around(hole), hole)
    assert (found != truth)[hole].mean() < 0.02
    np.testing.assert_array_equal(found[~hole], truth[~hole])


def test_a_strip_goes_on_through_the_hole():
    """Two parallel edges, as of a bench's front, though borders at either end of the strip were shorter."""
    hole = disc()
    rows, _ = np.mgrid[:120, :160]
    truth = np.digitize(rows, [50, 75])
    found = continue_labels(truth, *around(hole), hole)
    assert (found != truth)[hole].mean() < 0.03


@pytest.mark.parametrize("turn", range(0, 360, 45))
def test_a_bent_border_goes_on_as_it_comes_where_only_one_of_its_ends_shows(turn):
    """As a hedge's that ends behind a bench: nothing is known where the arc leaves the hole."""
    hole, angle = disc(), np.radians(turn)
    rows, columns = np.mgrid[:120, :160]
    aside = (columns - 80) * np.cos(angle) + (rows - 60) * np.sin(angle)
    truth = (np.hypot(columns - 80 - 40 * np.sin(angle), rows - 60 + 40 * np.cos(angle)) < 60).astype(int)
    shown = ~hole & (aside > -20)
    found = continue_labels(truth, grown(hole, 2) & shown, shown, hole)
    judged = hole & (aside > -20)
    shortest = shortest_borders(truth, grown(hole, 2) & shown, judged, np.array([0, 1]))
    assert (found != truth)[judged].mean() < 0.6 * (shortest != truth)[judged].mean()


def test_nothing_comes_into_a_side_that_shows_one_surface_alone():
    """A disc whose lower part is cut off inside of the hole, so that its arc goes on where there is none."""
    hole = disc()
    rows, columns = np.mgrid[:120, :160]
    side = rows > 75
    truth = ((np.hypot(columns - 50, rows - 60) < 50) & ~side).astype(int)
    shown = ~hole & ~((columns < 80) & (abs(rows - 75) < 15))
    rim = grown(hole, 2) & shown
    free, held = (continue_labels(truth, rim, shown, hole, sides) for sides in ([], [side]))
    assert (free[hole & side] == 1).mean() > 0.05
    assert not held[hole & side].any()
    assert (held != truth)[hole].mean() < (free != truth)[hole].mean()
    both = continue_labels(truth, rim, shown, hole, [np.ones_like(hole)])
    np.testing.assert_array_equal(both, free)


def test_what_no_conic_explains_ends_where_the_border_is_shortest():
    """Six sectors by turns: a conic crosses the rim four times at most."""
    hole = disc()
    rows, columns = np.mgrid[:120, :160]
    truth = (np.degrees(np.arctan2(rows - 60.2, columns - 80.3)) // 60 % 2).astype(int)
    found = continue_labels(truth, *around(hole), hole)
    shortest = shortest_borders(truth, around(hole)[0], hole, np.array([0, 1]))
    np.testing.assert_array_equal(found[hole], shortest[hole])


def test_the_shortest_border_of_a_wedge_is_its_chord():
    hole = disc()
    rows, columns = np.mgrid[:120, :160]
    truth = ((rows > 60) & (abs(columns - 80) < rows - 60)).astype(int)
    found = shortest_borders(truth, around(hole)[0], hole, np.array([0, 1]))
    chord = (rows > 60 + 45 / np.sqrt(2)).astype(int)
    assert (found != chord)[hole].mean() < 0.02


def test_softmax_regression_knows_the_shares_that_it_was_given():
    rng = np.random.default_rng(0)
    terms, truth = rng.normal(size=(400, 3)), rng.normal(size=(3, 4))
    shares = np.exp(terms @ truth)
    shares /= shares.sum(axis=1, keepdims=True)
    counts = rng.uniform(0.1, 1, 400)
    found = softmax_regression(terms, shares, counts, 1e-7)
    np.testing.assert_allclose(
        found - found.mean(axis=1, keepdims=True), truth - truth.mean(axis=1, keepdims=True), atol=0.02
    )


def test_a_speck_at_the_rim_takes_nothing_of_the_hole():
    hole = disc()
    labels = np.zeros(hole.shape, int)
    labels[:18, 78:82] = 1
    found = continue_labels(labels, *around(hole), hole)
    assert (found[hole] == 1).mean() < 0.005


def test_what_is_no_part_of_the_picture_costs_no_border():
    """A hole at the picture's border: the shortest border leaves it there, at right angles."""
    hole = np.zeros((60, 100), bool)
    hole[30:, 20:80] = True
    labels = np.where(np.arange(100) < 40, 0, 1)[None].repeat(60, axis=0)
    found = shortest_borders(labels, grown(hole, 2) & ~hole, hole, np.array([0, 1]))
    assert abs((found[-1, 20:80] == 0).sum() - 20) <= 2


def test_one_label_fills_the_hole():
    hole = disc()
    assert (continue_labels(np.full(hole.shape, 3), *around(hole), hole)[hole] == 3).all()


def test_total_variation_is_not_longer_than_any_straight_cut():
    free = np.zeros((30, 40), bool)
    free[5:25, 5:35] = True
    shares = np.zeros((30, 40, 2))
    shares[:15, :, 0] = shares[15:, :, 1] = 1
    found = least_length(shares, ~free, free)
    length = np.sqrt(sum(np.square(np.diff(found[..., 0], axis=a, append=0)) for a in (0, 1)))[:-1, :-1].sum()
    assert length == pytest.approx(39, rel=0.02)


def test_the_nearest_shares_are_found():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 4))
    found = on_simplex(values)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    others = rng.dirichlet(np.ones(4), (50, 400))
    apart = np.square(others - values[:, None]).sum(axis=2).min(axis=1)
    assert (np.square(found - values).sum(axis=1) <= apart + 1e-9).all()
