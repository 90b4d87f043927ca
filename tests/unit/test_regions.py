"""Regions: their extent, and that nothing outside them counts."""

import numpy as np
import pytest

from nerfkit.evaluation.metrics import compare
from nerfkit.evaluation.regions import full_frame, masked_map, regions_of, spinnerf_box


def mask_with(rows, columns, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


def test_the_box_reaches_from_the_first_to_the_last_pixel_of_the_mask():
    mask = mask_with(slice(5, 12), slice(20, 21)) | mask_with(slice(30, 31), slice(8, 9))
    region = spinnerf_box(mask)
    assert (region.rows, region.columns) == (slice(5, 31), slice(8, 21))
    assert region.weight is None


def test_the_boxs_margin_is_a_share_of_its_side_and_ends_at_the_border():
    region = spinnerf_box(mask_with(slice(10, 30), slice(5, 45)), margin=0.2)
    assert (region.rows, region.columns) == (slice(6, 34), slice(0, 50))


def test_a_view_without_a_mask_has_the_full_frame_only():
    assert list(regions_of(None, 0)) == [("full-frame", "frame")]
    assert list(regions_of(np.zeros((40, 50), bool), 0)) == [("full-frame", "frame")]
    names = list(regions_of(mask_with(slice(5, 30), slice(5, 30)), 0))
    assert names == [("full-frame", "frame"), ("masked-map", "mask"), ("spinnerf-box", "box")]


@pytest.mark.parametrize("name", ["masked-map", "spinnerf-box"])
def test_pixels_outside_the_region_change_nothing_and_pixels_inside_do(name):
    rng = np.random.default_rng(0)
    render, truth = rng.random((2, 40, 50, 3))
    y, x = np.mgrid[:40, :50]
    mask = (y - 18) ** 2 + (x - 22) ** 2 < 120
    region = masked_map(mask) if name == "masked-map" else spinnerf_box(mask)
    inside = np.zeros((40, 50), bool)
    inside[region.rows, region.columns] = True
    inside &= mask if region.weight is not None else True

    before = compare(render, truth, region)
    far_render, far_truth = (
        np.where(inside[..., None], image, rng.random(image.shape)) for image in (render, truth)
    )
    assert compare(far_render, far_truth, region) == pytest.approx(before, rel=1e-12)

    for pixel in (np.argwhere(inside)[0], np.argwhere(inside)[-1]):
        touched = render.copy()
        touched[tuple(pixel)] = 1 - touched[tuple(pixel)]
        after = compare(touched, truth, region)
        assert all(after[metric] != before[metric] for metric in before)


def test_the_full_frame_counts_every_pixel():
    rng = np.random.default_rng(1)
    render, truth = rng.random((2, 20, 30, 3))
    touched = render.copy()
    touched[-1, -1] = 0
    before, after = (compare(image, truth, full_frame()) for image in (render, touched))
    assert all(after[metric] != before[metric] for metric in before)
