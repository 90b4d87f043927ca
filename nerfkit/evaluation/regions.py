"""Where two images are compared: evaluation protocols by name.

The same method scores differently in a full frame, inside the removed object's outline and in the box around
it, so every score carries the name of its protocol. The mask is that of the test view, where the object would
be; *distance map* means a squared error, SSIM or a perceptual distance at every pixel.

    full-frame    every pixel spinnerf-box  both images cropped to the box (minimum to maximum row and column)
    of the mask, with a margin
                  on each side as a share of the box's side (SPIn-NeRF, section 4.2)
    masked-map    the distance map of the whole images, averaged over the mask (GScream, AuraFusion360)
    masked-input  both images black outside the mask, the distance map averaged over the mask (InstaInpaint)
    masked-frame  both images black outside the mask, the distance map averaged over the frame: much smaller
                  numbers, for most of the frame is black in both (3DGIC)

Pixels outside a protocol's region change none of its scores, with one exception: under masked-map a
perceptual distance at a pixel of the mask sees as far as its network does, as in the code that its numbers
come from.
"""

from dataclasses import dataclass, field

import numpy as np

FULL_FRAME, SPINNERF_BOX = "full-frame", "spinnerf-box"
MASKED_MAP, MASKED_INPUT, MASKED_FRAME = "masked-map", "masked-input", "masked-frame"
PROTOCOLS = {
    FULL_FRAME: "every pixel; mean over the views",
    SPINNERF_BOX: "both images cropped to the box of the test mask; mean over the views",
    MASKED_MAP: "distance map of whole images averaged over the pixels of the region; mean over the views",
    MASKED_INPUT: "images black outside the mask, distance map averaged over the mask; mean over the views",
    MASKED_FRAME: "images black outside the mask, distance map averaged over the frame; mean over the views",
}


@dataclass(frozen=True)
class Region:
    """What of an image is compared.

    `rows` and `columns` crop it, `visible` (H, W) says which pixels are not made black (None: all are kept),
    and `weight` which pixels of the distance map count (None: all).
    """

    rows: slice = field(default_factory=lambda: slice(None))
    columns: slice = field(default_factory=lambda: slice(None))
    visible: np.ndarray | None = None
    weight: np.ndarray | None = None

    def of(self, image: np.ndarray) -> np.ndarray:
        """What is compared of an image (H, W, 3)."""
        seen = image if self.visible is None else image * self.visible[..., None]
        return seen[self.rows, self.columns]


def full_frame() -> Region:
    """All of the image."""
    return Region()


def spinnerf_box(mask: np.ndarray, margin: float = 0.0) -> Region:
    """The box of a mask (H, W), which has at least one pixel.

    Args:
        margin: added on every side as a share of the box's height or width, rounded, cut at the border.
    """
    rows, columns = (spread(np.flatnonzero(mask.any(axis)), margin, mask.shape[1 - axis]) for axis in (1, 0))
    return Region(rows, columns)


def masked_map(mask: np.ndarray) -> Region:
    """The pixels of a mask (H, W), which has at least one."""
    return Region(weight=mask)


def masked_input(mask: np.ndarray) -> Region:
    """The pixels of a mask (H, W) in images that are black outside it."""
    return Region(visible=mask, weight=mask)


def masked_frame(mask: np.ndarray) -> Region:
    """All pixels of images that are black outside a mask (H, W)."""
    return Region(visible=mask)


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
        regions[SPINNERF_BOX, "box"] = spinnerf_box(mask, margin)
        regions[MASKED_MAP, "mask"] = masked_map(mask)
        regions[MASKED_INPUT, "mask"] = masked_input(mask)
        regions[MASKED_FRAME, "frame"] = masked_frame(mask)
    return regions
