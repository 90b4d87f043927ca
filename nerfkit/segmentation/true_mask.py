"""The true source mask: what the user drew, in place of what clicks can tell.

Published tables of propagation start from it (SPIn-NeRF, section 4.1), for then the source adds no error.
"""

from pathlib import Path

import numpy as np

from nerfkit.errors import UserError
from nerfkit.files import list_images, read_mask
from nerfkit.masks import resized_mask
from nerfkit.prompts import Clicks
from nerfkit.segmentation.parallax import Parallax


class TrueMask:
    """The `Segmenter` of the backend `truth`."""

    def __init__(self, folder: Path) -> None:
        """Masks of a folder, by stem."""
        self.folder = folder
        self.files = {path.stem: path for path in list_images(folder)}
        self.name = "the user's mask"

    def segment(
        self, image: np.ndarray, clicks: Clicks, points: np.ndarray | None, parallax: Parallax | None = None
    ) -> np.ndarray:
        """See `Segmenter`; neither the photo nor the places of the clicks matter.

        Raises:
            UserError: the clicked photo has no mask.
        """
        name = clicks.photo.name
        if name not in self.files:
            raise UserError(
                f"{self.folder} has no mask of the clicked photo {name}; add it, click a photo that has one"
                f"{' (' + ', '.join(list(self.files)[:3]) + ')' if self.files else ''}, or set "
                "source_mask.backend: grabcut."
            )
        return resized_mask(read_mask(self.files[name]), image.shape[:2])
