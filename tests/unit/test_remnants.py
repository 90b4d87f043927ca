"""Pieces of the object beside its mask."""

import numpy as np

from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.remnants import remnants

YELLOW, SALMON, BLUE = (220, 190, 20), (220, 150, 130), (40, 70, 160)


def shovel(teeth=YELLOW) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A yellow shovel on a salmon mat, its mask without the teeth, and the teeth."""
    photo = np.tile(np.array(SALMON, np.uint8), (120, 160, 1))
    photo[:, 130:] = BLUE
    mask, toothed = np.zeros((2, 120, 160), bool)
    mask[30:70, 40:100] = True
    for left in range(44, 96, 12):
        toothed[70:80, left : left + 5] = True
    photo[mask], photo[toothed] = YELLOW, teeth
    noise = np.random.default_rng(0).normal(0, 4, photo.shape)
    return (photo + noise).clip(0, 255).astype(np.uint8), mask, toothed


def test_what_looks_like_the_object_and_touches_it_is_found():
    photo, mask, teeth = shovel()
    photo[10:14, 60:64] = YELLOW  # near the mask, but not at it
    found = remnants(lab_image(photo), mask, 25)
    assert (found & teeth).sum() > 0.95 * teeth.sum()
    assert (found & ~teeth).sum() < 0.05 * teeth.sum()


def test_it_ends_where_it_is_told_to():
    photo, mask, _ = shovel()
    found = remnants(lab_image(photo), mask, 4)
    assert found[70:74].any()
    assert not found[75:].any()
    assert not remnants(lab_image(photo), mask, 0).any()


def test_a_double_beside_the_object_is_no_remnant():
    """Colours that are common around the object, too, say nothing."""
    photo, mask, _ = shovel(teeth=SALMON)
    photo[20:90, 106:130] = YELLOW
    photo[40:44, 100:106] = YELLOW
    assert not remnants(lab_image(photo), mask, 25)[:, 110:].any()


def test_no_object_has_no_remnants():
    photo, mask, _ = shovel()
    assert not remnants(lab_image(photo), np.zeros_like(mask), 25).any()
    assert not remnants(lab_image(photo), np.ones_like(mask), 25).any()
