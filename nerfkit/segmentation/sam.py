"""Clicks to mask with Segment Anything (Kirillov et al. 2023), for users who have its weights."""

import numpy as np

from nerfkit.prompts import Clicks
from nerfkit.segmentation.parallax import Parallax
from nerfkit.segmentation.parts import clicked_parts
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import weight_path

VARIANTS = ("vit_b", "vit_l", "vit_h")
PIXEL_CENTRE = 0.5  # segment_anything counts the first pixel's centre as 0 and adds a half itself


class SamSegmenter:
    """The `Segmenter` of the backend `sam`. The model is loaded once, each photo encoded once."""

    def __init__(self, variant: str) -> None:
        """Load `vit_b`, `vit_l` or `vit_h` from the weight store.

        Raises:
            UserError: the weights are missing; the message says what belongs where.
        """
        checkpoint = weight_path(f"sam_{variant}")
        ensure_torchvision()
        from segment_anything import SamPredictor, sam_model_registry  # needs the shim of the line above

        self.name = f"segment_anything {variant} ({checkpoint.name})"
        self.predictor = SamPredictor(sam_model_registry[variant](checkpoint=str(checkpoint)))
        self.encoded: np.ndarray | None = None

    def segment(
        self, image: np.ndarray, clicks: Clicks, points: np.ndarray | None, parallax: Parallax | None = None
    ) -> np.ndarray:
        """See `Segmenter`; the model sees the photo alone."""
        if image is not self.encoded:
            self.predictor.set_image(image)
            self.encoded = image
        masks, scores, _ = self.predictor.predict(
            point_coords=clicks.points - PIXEL_CENTRE if len(clicks.points) else None,
            point_labels=clicks.labels.astype(int) if len(clicks.points) else None,
            box=None if clicks.box is None else clicks.box - PIXEL_CENTRE,
            multimask_output=True,
        )
        return best_mask(masks, scores, clicks)


def best_mask(masks: np.ndarray, scores: np.ndarray, clicks: Clicks) -> np.ndarray:
    """The mask of the highest predicted IoU, without the parts that the clicks do not mean.

    Args:
        masks: bool (3, H, W).
        scores: predicted IoU (3,).
    Returns:
        bool (H, W): the connected parts with a positive click and no negative one; the whole mask where the
        object has only a box.
    """
    mask = masks[int(np.argmax(scores))].astype(bool)
    if not clicks.labels.any():
        return mask
    return clicked_parts(mask, clicks.points[clicks.labels], clicks.points[~clicks.labels])
