"""What fills a hole in one picture: the protocol and the choice of a backend."""

from typing import Protocol

import numpy as np

from nerfkit.errors import UserError
from nerfkit.inpainting.exemplar import ExemplarInpainter
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.settings import InpaintingSettings

BACKENDS = ("exemplar", "lama")


class Inpainter(Protocol):
    """A 2D inpainter. Both methods return the whole picture; pixels outside the hole are as they were."""

    def fill(self, image: np.ndarray, hole: np.ndarray, guide: Guide | None = None) -> np.ndarray:
        """Fill uint8 RGB (H, W, 3) where `hole` (H, W); `guide` tells the surfaces, in the hole too."""

    def fill_disparity(self, guide: Guide, hole: np.ndarray) -> np.ndarray:
        """The guide's disparity, float32 (H, W), filled where `hole`."""


def make_inpainter(settings: InpaintingSettings, seed: int) -> Inpainter:
    """The backend that the settings name.

    Raises:
        UserError: an unknown backend, or one whose weights are missing.
    """
    if settings.backend == "exemplar":
        return ExemplarInpainter(settings.patch_radius, settings.context, seed)
    if settings.backend == "lama":
        from nerfkit.inpainting.lama import LamaInpainter

        return LamaInpainter(settings.lama_weights)
    raise UserError(f"inpainting.backend: '{settings.backend}' is none of {', '.join(BACKENDS)}.")
