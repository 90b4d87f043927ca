"""Where two images are compared: evaluation protocols by name.

The same method scores differently in a full frame, inside the removed object's outline and in the box around
it, so every score carries the name of its protocol:

    full-frame    every pixel
    masked-map    the error map, averaged over the pixels of a mask
    spinnerf-box  both images cropped to the box (minimum to maximum row and column) of the test mask, with a
                  margin on each side as a share of the box's side (SPIn-NeRF, section 4.2)

Pixels outside a protocol's region change none of its scores.
"""

from dataclasses import dataclass

import numpy as np

FULL_FRAME, MASKED_MAP, SPINNERF_BOX = "full-frame", "masked-map", "spinnerf-box"


@dataclass(frozen=True)
class Region:
    """A crop of an image and, within it, the pixels that count (`weight` None: all of them)."""

    rows: slice
    columns: slice
    weight: np.ndarray | None = None

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The crop of (H, W, ...)."""
        return image[self.rows, self.columns]


def full_frame() -> Region:
    """All of the image."""
    return Region(slice(None), slice(None))


def masked_map(mask: np.ndarray) -> Region:
    """The pixels of a mask (H, W), which has at least one."""
    return Region(slice(None), slice(None), mask)


def spinnerf_box(mask: np.ndarray, margin: float = 0.0) -> Region:
    """The box of a mask (H, W), which has at least one pixel.

    Args:
        margin: added on every side as a share of the box's height or width, rounded, cut at the border.
    """
    rows, columns = (spread(np.flatnonzero(mask.any(axis)), margin, mask.shape[1 - axis]) for axis in (1, 0))
    return Region(rows, columns)


def spread(indices: np.ndarray, margin: float, length: int) -> slice:
    """From the first to the last index, widened by the margin on both sides within [0, length)."""
    extra = round(margin * (indices[-1] - indices[0] + 1))
    return slice(max(int(indices[0]) - extra, 0), min(int(indices[-1]) + 1 + extra, length))


def regions_of(mask: np.ndarray | None, margin: float) -> dict[tuple[str, str], Region]:
    """Every region that a view has, keyed by (protocol, name of the region).

    Args:
        mask: where the removed object would be (H, W), or None; an empty one has neither mask nor box.
    """
    regions = {(FULL_FRAME, "frame"): full_frame()}
    if mask is not None and mask.any():
        regions[MASKED_MAP, "mask"] = masked_map(mask)
        regions[SPINNERF_BOX, "box"] = spinnerf_box(mask, margin)
    return regions
