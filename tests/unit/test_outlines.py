"""Outlines of spread labels on a photo of two colours with a straight edge."""

import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.extraction.outlines import outlined
from nerfkit.files import write_image
from nerfkit.nearest import nearest
from nerfkit.scene import View

SIZE, EDGE = 120, 63  # pixels; the column at which the colour changes


@pytest.fixture
def view(tmp_path):
    rng = np.random.default_rng(0)
    colours = np.where(np.arange(SIZE)[None, :, None] < EDGE, [190, 60, 50], [60, 90, 180])
    noisy = colours + rng.normal(0, 8, (SIZE, SIZE, 3))
    write_image(tmp_path / "photo.png", noisy.clip(0, 255).astype(np.uint8))
    lens = Camera(SIZE, SIZE, 100.0, 100.0, SIZE / 2, SIZE / 2)
    return View("photo", "train", lens, np.eye(4), 0.5, 3.0, tmp_path / "photo.png")


def told(until, unknown):
    """What the surface says: object left of a column, nothing in columns of `unknown`."""
    columns = np.broadcast_to(np.arange(SIZE), (SIZE, SIZE))
    probability = np.where(columns < until, 0.97, 0.03).astype(np.float32)
    known = ~np.isin(columns, unknown)
    return np.where(known, probability, 0).astype(np.float32), known


@pytest.mark.parametrize("unknown", [range(58, 66), range(61, 69)])
def test_where_depths_jump_the_photo_tells_the_edge(view, unknown):
    probability, known = told(EDGE, unknown)
    mask = outlined(view, probability, known)
    assert (nearest(probability > 0.5, known) != (np.arange(SIZE) < EDGE)).any()  # the surface alone does not
    assert (mask == (np.arange(SIZE) < EDGE)).mean() > 0.999


def test_a_wide_unknown_strip_is_not_given_to_one_side_for_its_colour_alone(view):
    """An object that ends within its own colour: far from the outline the surface counts."""
    probability, known = told(20, range(18, 22))
    mask = outlined(view, probability, known)
    assert mask[:, :17].all()
    assert not mask[:, 24:].any()


def test_a_view_without_the_object_has_an_empty_mask(view):
    probability, known = told(0, range(0))
    assert not outlined(view, probability, known).any()
    assert not outlined(view, probability, np.zeros_like(known)).any()
