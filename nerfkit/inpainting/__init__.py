"""2D fills of photos and of normalised disparity inside the holes (SPIn-NeRF, section 3.2)."""

from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.inpainting.stage import inpainting

__all__ = ["InpaintingSettings", "inpainting"]
