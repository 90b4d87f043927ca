"""Fills without seams: where copies of two places meet, what they differ in is taken out."""

import numpy as np

from nerfkit.membrane import ANCHOR, membrane

NOISE = 0.015  # difference of neighbouring colours that is no texture; added up across a hole it stains
SEAM = 0.1  # difference of neighbouring colours from which it is an edge if a source has one there;
LARGEST_SEAM = 0.2  # otherwise two pieces of one shaded wall may differ by as much


def without_seams(
    image: np.ndarray, match: np.ndarray, hole: np.ndarray, known: np.ndarray, held: float = ANCHOR
) -> np.ndarray:
    """A filled picture (H, W, 3) whose copies meet each other and what is `known` (H, W) without steps.

    From pixel to pixel the fill changes as its sources do, not by what two sources differ in: shading makes
    pieces of one wall differ. Edges, which no source need have whole, stay.

    Args:
        match: (H, W, 2), the row and column of each pixel's source.
        held: pull of a pixel's own colour, where that of a neighbour is 1. What is known at one end alone is
            held by nothing else at the other, and differences add up to a stain there.
    """
    steps = [steps_of_sources(image, match, hole, axis) - np.diff(image, axis=axis) for axis in (0, 1)]
    return image + membrane(np.zeros_like(image), known, hole, steps=tuple(steps), anchor=held)


def steps_of_sources(image: np.ndarray, match: np.ndarray, hole: np.ndarray, axis: int) -> np.ndarray:
    """From every pixel to the next along an axis, how its colour shall change; see `without_seams`."""
    here = tuple(slice(None, -1) if k == axis else slice(None) for k in (0, 1))
    there = tuple(slice(1, None) if k == axis else slice(None) for k in (0, 1))
    slope = np.diff(image, axis=axis)
    copied, largest = np.zeros_like(slope), np.zeros_like(slope)
    for side, back in ((here, 0), (there, 1)):
        inside = hole[side]
        source = match[side][inside].T - back * np.eye(2, dtype=int)[axis][:, None]
        theirs = slope[tuple(source)]
        copied[inside] += theirs
        largest[inside] = np.maximum(largest[inside], np.abs(theirs))
    copied /= np.maximum(hole[here].astype(int) + hole[there], 1)[..., None]
    size = np.abs(copied).max(axis=2, keepdims=True)
    copied *= np.maximum(1 - (NOISE / np.maximum(size, 1e-6)) ** 2, 0)
    shown = largest.max(axis=2, keepdims=True) > SEAM / 2
    edge = np.abs(slope).max(axis=2, keepdims=True) > np.where(shown, SEAM, LARGEST_SEAM)
    return np.where(edge, slope, copied)
