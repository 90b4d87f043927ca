"""Sizes (width, height) of photos in pixels, and photos made smaller."""

import numpy as np
from PIL import Image


def fitted_size(shape: tuple[int, ...], long_side: int) -> tuple[int, int]:
    """Width and height of an image (H, W, ...) with its long side reduced to `long_side`."""
    height, width = shape[:2]
    scale = min(1.0, long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def square_pixel_size(image: np.ndarray, long_side: int) -> tuple[int, int]:
    """Like `fitted_size`, up to 5 % smaller where that keeps the pixels square.

    SfM's lens has one focal length. 1008x567 at 1000 pixels would be 562.5 high, an error of 0.25 pixels at
    the border; 992x558 has none.
    """
    height, width = image.shape[:2]
    if max(width, height) <= long_side:
        return width, height
    sides = [fitted_size(image.shape, side) for side in range(long_side, int(0.95 * long_side), -1)]
    return min(sides, key=lambda s: round(abs(s[0] * height - s[1] * width) / (width * height), 6))


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Downscale (H, W, 3), or (H, W, 4) by opacity, by area averaging, as a sensor with larger pixels
    would."""
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
