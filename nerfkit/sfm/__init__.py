"""Structure from motion: where each photo was taken, with what lens, and a sparse cloud of what it saw."""

# pycolmap 4.2 loaded before Pillow and OpenCV makes every later PNG write abort (double free in zlib), and
# whoever imports a module of this package passes here first.
import cv2  # noqa: F401
import PIL.Image  # noqa: F401

from nerfkit.sfm.settings import SfmSettings
from nerfkit.sfm.stage import sfm

__all__ = ["SfmSettings", "sfm"]
