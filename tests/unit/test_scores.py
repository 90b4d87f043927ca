"""Scores against closed forms, slow loops and torchmetrics."""

import math

import numpy as np
import pytest

from nerfkit.evaluation import scores


def pair(seed=0, shape=(24, 31, 3)):
    rng = np.random.default_rng(seed)
    truth = rng.random(shape)
    return np.clip(truth + 0.2 * rng.normal(size=shape), 0, 1), truth


def test_psnr_of_a_known_pair_is_its_known_value():
    truth = np.full((8, 8, 3), 0.5)
    assert scores.psnr(truth + 0.1, truth) == pytest.approx(20.0)
    half = truth.copy()
    half[:4] += 0.1
    assert scores.psnr(half, truth) == pytest.approx(20 + 10 * math.log10(2))
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    assert scores.psnr(half, truth, mask) == pytest.approx(20.0)


def test_identical_images_have_infinite_psnr_unit_ssim_and_unit_sharpness():
    _, truth = pair()
    assert scores.psnr(truth, truth) == math.inf
    assert scores.ssim(truth, truth) == pytest.approx(1, abs=1e-12)
    assert scores.ssim(truth, truth, truth[..., 0] > 0.3) == pytest.approx(1, abs=1e-12)
    assert scores.sharpness(truth, truth) == 1


def gaussian_window():
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    return np.outer(line, line) / line.sum() ** 2


def slow_ssim_at(a, b, mask, row, column):
    """SSIM of one channel at one pixel: weighted moments over the window's pixels inside image and mask."""
    window = gaussian_window()
    weights, xs, ys = [], [], []
    for i in range(-5, 6):
        for j in range(-5, 6):
            y, x = row + i, column + j
            if 0 <= y < a.shape[0] and 0 <= x < a.shape[1] and mask[y, x]:
                weights.append(window[i + 5, j + 5])
                xs.append(a[y, x])
                ys.append(b[y, x])
    w = np.array(weights) / np.sum(weights)
    xs, ys = np.array(xs), np.array(ys)
    mx, my = (w * xs).sum(), (w * ys).sum()
    vx, vy, cov = (w * (xs - mx) ** 2).sum(), (w * (ys - my) ** 2).sum(), (w * (xs - mx) * (ys - my)).sum()
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))


def slow_ssim(a, b, mask, where):
    return np.mean([slow_ssim_at(a[..., c], b[..., c], mask, y, x) for c in range(3) for y, x in where])


def test_ssim_equals_its_definition_over_a_crop_and_over_a_mask():
    a, b = pair(1, (15, 17, 3))
    inner = [(y, x) for y in range(5, 10) for x in range(5, 12)]
    assert scores.ssim(a, b) == pytest.approx(slow_ssim(a, b, np.ones((15, 17), bool), inner), rel=1e-9)
    mask = np.random.default_rng(2).random((15, 17)) > 0.5
    assert scores.ssim(a, b, mask) == pytest.approx(slow_ssim(a, b, mask, np.argwhere(mask)), rel=1e-9)


def test_psnr_and_ssim_are_those_of_torchmetrics():
    """The values are those of torchmetrics 1.9.0, SSIM over the windows that lie inside the image."""
    a, b = pair(3, (40, 60, 3))
    assert scores.psnr(a, b) == pytest.approx(15.16492082301687, rel=1e-6)  # theirs is float32
    assert scores.ssim(a, b) == pytest.approx(0.8309949168954283, rel=1e-9)


def test_ssim_of_a_crop_smaller_than_its_window_is_no_value():
    a, b = pair(4, (10, 30, 3))
    assert math.isnan(scores.ssim(a, b))


def test_sharpness_falls_with_blur_and_ignores_contrast_sign():
    import cv2

    _, truth = pair(5, (60, 60, 3))
    blurred = cv2.GaussianBlur(truth, (9, 9), 2)
    assert scores.sharpness(blurred, truth) < 0.1
    assert scores.sharpness(1 - truth, truth) == pytest.approx(1)
    assert scores.sharpness(0.5 * truth, truth) == pytest.approx(0.25)
    assert math.isnan(scores.sharpness(truth, np.full_like(truth, 0.3)))


def test_mask_scores_count_pixels():
    truth = np.zeros((4, 5), bool)
    truth[:2] = True  # 10 pixels
    mask = np.zeros((4, 5), bool)
    mask[1:3] = True  # 5 in common, 15 in the union
    assert scores.iou(mask, truth) == pytest.approx(1 / 3)
    assert scores.accuracy(mask, truth) == pytest.approx(0.5)
    empty = np.zeros((4, 5), bool)
    assert scores.iou(empty, empty) == 1
    assert scores.iou(empty, truth) == 0
