"""Masks at other sizes."""

import numpy as np
import pytest

from nerfkit.masks import resized_mask


@pytest.mark.parametrize("scale", [0.6, 0.5, 0.39, 1.7])
def test_a_disc_stays_where_it_is(scale):
    """Nearest pixels from the corners would move it by up to half a pixel."""
    y, x = np.mgrid[:240, :320] + 0.5
    disc = np.hypot(x - 171.3, y - 118.2) < 60.4
    height, width = round(240 * scale), round(320 * scale)
    small = resized_mask(disc, (height, width))
    rows, columns = np.nonzero(small)
    centre = (columns.mean() + 0.5) * 320 / width, (rows.mean() + 0.5) * 240 / height
    assert centre == pytest.approx((171.3, 118.2), abs=0.1)
    assert small.mean() == pytest.approx(disc.mean(), rel=0.02)


def test_the_same_size_changes_nothing():
    mask = np.random.default_rng(0).random((9, 7)) < 0.5
    np.testing.assert_array_equal(resized_mask(mask, (9, 7)), mask)
