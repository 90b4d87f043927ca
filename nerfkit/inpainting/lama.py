"""LaMa (Suvorov et al., 2022) as simple-lama-inpainting packages it, with the weights of nerfkit's store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nerfkit.errors import UserError
from nerfkit.inpainting.disparity import RIM, clamp_to_rim
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.planes import design, find_planes
from nerfkit.inpainting.regions import grown
from nerfkit.weights import WEIGHTS, weight_path


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable inside the block."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def model_path(weights: str) -> Path:
    """A name of the weight store or a path of the user's, as the path of a file that is there."""
    if weights in WEIGHTS:
        return weight_path(weights)
    if not Path(weights).is_file():
        raise UserError(
            f"inpainting.lama_weights: '{weights}' is neither in the weight store nor a file; "
            "name one or set `inpainting.backend: exemplar`."
        )
    return Path(weights)


class LamaInpainter:
    """LaMa on the whole picture; `weights` as in `model_path`."""

    def __init__(self, weights: str = "big-lama"):
        path = model_path(weights)
        try:
            from simple_lama_inpainting import SimpleLama
        except ImportError as error:
            raise UserError(
                "inpainting.backend: lama needs the package simple-lama-inpainting; install it or set "
                "`inpainting.backend: exemplar`."
            ) from error
        with _environment("LAMA_MODEL", str(path)):
            self.lama = SimpleLama()

    def fill(self, image: np.ndarray, hole: np.ndarray, guide: Guide | None = None) -> np.ndarray:
        """See Inpainter; LaMa takes no guide."""
        painted = self.predict(image.astype(np.float32) / 255, hole)
        result = image.copy()
        result[hole] = (np.clip(painted[hole], 0, 1) * 255 + 0.5).astype(np.uint8)
        return result

    def fill_disparity(self, guide: Guide, hole: np.ndarray) -> np.ndarray:
        """See Inpainter: what departs from the main plane is shown to LaMa as a grey float picture."""
        disparity, xy = guide.disparity, guide.xy
        known = ~hole & (disparity > 0)
        if not hole.any() or not known.any():
            return disparity.copy()
        planes = find_planes(xy[known], disparity[known].astype(float), seed=0)
        plane = design(xy) @ planes[0] if len(planes) else np.zeros(hole.shape)
        departure = np.where(known, disparity - plane, 0)
        low, high = np.percentile(departure[known], [0.5, 99.5])
        scale = max(high - low, 1e-6)
        grey = np.clip((departure - low) / scale, 0, 1).astype(np.float32)
        painted = self.predict(np.repeat(grey[..., None], 3, axis=2), ~known).mean(axis=2)
        rim = disparity[known & grown(hole, RIM)]
        filled = clamp_to_rim(plane + low + scale * painted, rim if rim.size else disparity[known])
        return np.where(hole, filled, disparity).astype(np.float32)

    def predict(self, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """The model's picture, float32 (H, W, 3), of a float picture in [0, 1].

        The package pads to multiples of 8 at the right and the bottom and leaves the padding on.
        """
        import torch
        from simple_lama_inpainting.utils.util import prepare_img_and_mask

        tensors = prepare_img_and_mask(image * 255, hole.astype(np.uint8), self.lama.device)
        with torch.inference_mode():
            painted = self.lama.model(*tensors)
        height, width = hole.shape
        return painted[0, :, :height, :width].permute(1, 2, 0).cpu().numpy()
