"""Squares around regions of a picture."""

import cv2
import numpy as np


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """The mask and all pixels within `radius` of it in both directions (a square)."""
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), square) > 0


def shrunk(mask: np.ndarray, radius: int) -> np.ndarray:
    """The pixels of the mask whose square of that radius lies in it and in the picture."""
    return ~grown(np.pad(~mask, radius, constant_values=True), radius)[radius:-radius, radius:-radius]
