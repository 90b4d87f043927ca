"""Regions: their extent, and that nothing outside them counts."""

import numpy as np
import pytest

from nerfkit.evaluation.regions import PROTOCOLS, regions_of, spinnerf_box
from nerfkit.evaluation.view_scores import pixel_scores


def mask_with(rows, columns, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


def test_the_box_reaches_from_the_first_to_the_last_pixel_of_the_mask():
    mask = mask_with(slice(5, 12), slice(20, 21)) | mask_with(slice(30, 31), slice(8, 9))
    region = spinnerf_box(mask)
    assert (region.rows, region.columns) == (slice(5, 31), slice(8, 21))
    assert region.weight is None
    assert region.visible is None


def test_the_boxs_margin_is_a_share_of_its_side_and_ends_at_the_border():
    region = spinnerf_box(mask_with(slice(10, 30), slice(5, 45)), margin=0.2)
    assert (region.rows, region.columns) == (slice(6, 34), slice(0, 50))


def test_a_view_without_a_mask_has_the_full_frame_only():
    assert list(regions_of(None, 0)) == [("full-frame", "frame")]
    assert list(regions_of(np.zeros((40, 50), bool), 0)) == [("full-frame", "frame")]
    names = list(regions_of(mask_with(slice(5, 30), slice(5, 30)), 0))
    assert names == [
        ("full-frame", "frame"),
        ("spinnerf-box", "box"),
        ("masked-map", "mask"),
        ("masked-input", "mask"),
        ("masked-frame", "frame"),
    ]
    assert {protocol for protocol, _ in names} == set(PROTOCOLS)


def inside_of(region, shape):
    """The pixels (H, W) that a region's scores may depend on."""
    inside = np.zeros(shape, bool)
    inside[region.rows, region.columns] = True
    for mask in (region.visible, region.weight):
        inside &= True if mask is None else mask
    return inside


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pixels_outside_the_region_change_nothing_and_pixels_inside_do(protocol):
    rng = np.random.default_rng(0)
    render, truth = rng.random((2, 40, 50, 3))
    y, x = np.mgrid[:40, :50]
    mask = (y - 18) ** 2 + (x - 22) ** 2 < 120
    region = next(region for (name, _), region in regions_of(mask, 0).items() if name == protocol)
    inside = inside_of(region, (40, 50))
    assert inside.all() == (protocol == "full-frame")

    before = pixel_scores(render, truth, region)
    far_render, far_truth = (
        np.where(inside[..., None], image, rng.random(image.shape)) for image in (render, truth)
    )
    assert pixel_scores(far_render, far_truth, region) == pytest.approx(before, rel=1e-12)

    for pixel in (np.argwhere(inside)[0], np.argwhere(inside)[-1]):
        touched = render.copy()
        touched[tuple(pixel)] = 1 - touched[tuple(pixel)]
        after = pixel_scores(touched, truth, region)
        assert all(after[metric] != before[metric] for metric in before)


def test_the_masked_protocols_differ_as_they_are_defined():
    """One error inside the mask: in the frame its square is diluted by the black that both images share."""
    mask = mask_with(slice(10, 30), slice(10, 30))
    truth = np.random.default_rng(2).random((40, 50, 3)) * 0.5 + 0.25
    render = truth + 0.1 * mask[..., None]
    render[~mask] = 0
    values = {protocol: pixel_scores(render, truth, r) for (protocol, _), r in regions_of(mask, 0).items()}
    assert values["masked-map"]["psnr"] == pytest.approx(20)
    assert values["masked-input"]["psnr"] == pytest.approx(20)
    assert values["masked-frame"]["psnr"] == pytest.approx(20 + 10 * np.log10(40 * 50 / 400))
    assert values["masked-frame"]["ssim"] > values["masked-input"]["ssim"] != values["masked-map"]["ssim"]
    assert values["full-frame"]["psnr"] < 10
    assert "sharpness" not in values["masked-frame"]
