"""Scores of one image or one mask against the truth. Images are float (H, W, 3) in [0, 1], masks bool (H, W).

SSIM is that of Wang et al. 2004: Gaussian window of 11 x 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03, mean
of the three channels' maps. Over a crop the map is averaged where the whole window lies inside the crop. Over
a mask each window holds the mask's pixels alone, its weights summing to one again, so that what lies outside
the mask cannot change the score; with images that are black outside the mask the windows are whole.
"""

import cv2
import numpy as np

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma


def psnr(prediction: np.ndarray, truth: np.ndarray, weight: np.ndarray | None = None) -> float:
    """-10 log10 of the mean squared error over pixels (of `weight`) and channels, dB; equal images: inf."""
    squared = np.square(prediction - truth)
    error = squared.mean() if weight is None else squared[weight].mean()
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def smooth(image: np.ndarray) -> np.ndarray:
    """Correlate with the SSIM window, zeros beyond the border."""
    size = (SSIM_WINDOW, SSIM_WINDOW)
    return cv2.GaussianBlur(image, size, SSIM_SIGMA, borderType=cv2.BORDER_CONSTANT)


def ssim_map(prediction: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """SSIM at every pixel (H, W), each window restricted to the pixels of `weight`; undefined outside it."""
    mask = weight.astype(np.float64)
    total = np.maximum(smooth(mask), 1e-12)[..., None]
    mean = lambda image: smooth(image * mask[..., None]) / total  # noqa: E731
    a, b = prediction.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    values = (2 * mean_a * mean_b + SSIM_C1) * (2 * covariance + SSIM_C2)
    return (values / ((mean_a**2 + mean_b**2 + SSIM_C1) * (var_a + var_b + SSIM_C2))).mean(axis=2)


def ssim(
    prediction: np.ndarray, truth: np.ndarray, weight: np.ndarray | None = None, whole: bool = False
) -> float:
    """Mean SSIM in [-1, 1], over the pixels of `weight` where it is given; nan for a crop below the window.

    Args:
        whole: with a weight, windows hold all pixels of the image, not the weight's alone.
    """
    everything = np.ones(truth.shape[:2], bool)
    if weight is not None:
        return float(ssim_map(prediction, truth, everything if whole else weight)[weight].mean())
    reach = SSIM_WINDOW // 2
    values = ssim_map(prediction, truth, everything)[reach:-reach, reach:-reach]
    return float(values.mean()) if values.size else float("nan")


def gradient_energy(image: np.ndarray) -> float:
    """Mean squared difference of neighbouring pixels of the grey image, along rows plus along columns."""
    grey = image @ GREY
    return float(np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean())


def sharpness(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Gradient energy relative to the truth's: 1 is as sharp, 0 is flat; nan where the truth is flat."""
    energy = gradient_energy(truth)
    return gradient_energy(prediction) / energy if energy else float("nan")


def accuracy(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Share of pixels on which two masks agree."""
    return float((prediction == truth).mean())


def iou(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks; two empty ones agree: 1."""
    union = int((prediction | truth).sum())
    return int((prediction & truth).sum()) / union if union else 1.0
