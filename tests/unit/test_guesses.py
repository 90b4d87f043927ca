"""Guesses at an object weighed by labels along its outlines."""

import numpy as np
import pytest

from nerfkit.extraction import guesses
from nerfkit.extraction.guesses import Guess, Shown, distances, log_likelihood, mean, weights
from nerfkit.extraction.labels import boundary


def square(low, high, size=40):
    """A mask of a square."""
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def along(masks, count, seed=0):
    """As many labels of either kind along the outlines, view, row and column of each."""
    edges, masks = np.stack([boundary(mask) for mask in masks]), np.stack(masks)
    rng = np.random.default_rng(seed)
    places = [np.argwhere(edges & kind) for kind in (masks, ~masks)]
    return [tuple(rng.choice(kind, count, replace=False).T) for kind in places]


def as_guess(masks, rest=0.0, inside=1.0):
    """A guess of two nodes, the one beside the object and the one on it."""
    shown = Shown([mask.astype(int) for mask in masks], [np.ones_like(mask) for mask in masks])
    return Guess(np.array([rest, inside]), shown)


def test_the_likelihood_of_two_labels_is_its_formula():
    masks = [square(10, 20), square(0, 0)]
    inner, outer = 4 * 9, 4 * 11  # pixels around a square of ten, inside and outside
    labels = [tuple(np.array([[0, 13, 12]]).T), tuple(np.array([[0, 9, 4]]).T)]  # two and five pixels away
    expected = 0.0
    for away, length in ((2, inner), (5, outer)):
        alike = np.exp(-away / guesses.BLUR) / (2 * guesses.BLUR * length)
        expected += np.log(guesses.STRAY / (2 * 40 * 40) + (1 - guesses.STRAY) * alike)
    assert log_likelihood(masks, *labels) == pytest.approx(expected)


def test_labels_where_a_guess_has_no_outline_are_far_and_not_impossible():
    nothing = [square(0, 0)]
    label = tuple(np.array([[0, 3, 3]]).T)
    assert distances(nothing, label).tolist() == [np.inf]
    assert log_likelihood(nothing, label, label) == pytest.approx(2 * np.log(guesses.STRAY / 1600))


@pytest.mark.parametrize("seed", range(6))
def test_what_lacks_a_part_or_has_a_neighbour_is_less_likely(seed):
    masks = [square(10, 24), square(12, 26), square(8, 22)]
    labels = along(masks, 8, seed)
    lacking = [mask & (np.arange(40) < 16) for mask in masks]
    with_neighbour = [mask.copy() for mask in masks]
    for mask in with_neighbour:
        mask[18:34, 26:38] = True
    likely = [log_likelihood(each, *labels) for each in (masks, lacking, with_neighbour)]
    assert likely[0] > max(likely[1:]) + 2


def test_the_likelier_guess_prevails_where_guesses_differ():
    masks, other = [square(10, 24), square(8, 22)], [square(10, 34), square(8, 32)]
    guesses = [as_guess(other), as_guess(other), as_guess(masks)]
    counting = weights(guesses, *along(masks, 8))
    assert counting[2] == 1
    assert counting[0] == counting[1] < 0.5
    for found, mask in zip(mean(guesses, counting)[0], masks, strict=True):
        assert ((found > 0.5) == mask).all()


def test_guesses_count_where_they_know():
    masks = [square(10, 24)]
    sure, unsure = as_guess(masks), as_guess(masks, 0.2, 0.6)
    assert weights([sure, unsure], *along(masks, 4)).tolist() == [1, 1]
    unsure.shown.known[0][:5], sure.shown.known[0][:5, :5] = False, False
    (probability,), (known,) = mean([sure, unsure], np.array([1.0, 3.0]))
    assert probability[15, 15] == pytest.approx(0.7)
    assert probability[30, 30] == pytest.approx(0.15)
    assert probability[2, 20] == 0
    assert not known[:5, :5].any()
    assert known.sum() == 1600 - 25


def test_masks_go_by_the_nearest_known_pixel_and_what_shows_no_node_is_not_the_object():
    nodes = np.array([[1, 1, 0, 0, -1, 1]])
    guess = Guess(np.array([0.2, 0.9]), Shown([nodes], [np.array([[1, 0, 0, 0, 1, 1]], bool)]))
    assert guess.masks[0].tolist() == [[True, True, True, False, False, True]]
    assert guess.probability(0).tolist() == [[0.9, 0.9, 0.2, 0.2, 0, 0.9]]
