"""Lenses: pixels to viewing directions and back.

OpenCV axes: x right, y down, z forward. Pixel (0, 0) is the top-left pixel; its centre is at (0.5, 0.5).
Normalised coordinates are (x / z, y / z) in camera axes. The lens model is OpenCV's k1, k2, p1, p2.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np


@dataclass(frozen=True)
class Camera:
    """One lens at one image size. Lengths in pixels, distortion coefficients without unit."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @property
    def matrix(self) -> np.ndarray:
        """The 3x3 calibration matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @property
    def distortion(self) -> np.ndarray:
        """(k1, k2, p1, p2)."""
        return np.array([self.k1, self.k2, self.p1, self.p2])

    def resized(self, width: int, height: int) -> "Camera":
        """The same lens on the image resampled to width x height."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
        )

    def unproject(self, xy: np.ndarray) -> np.ndarray:
        """Pixel coordinates (N, 2) to normalised coordinates (N, 2), lens distortion removed."""
        if len(xy) == 0:
            return np.zeros((0, 2))
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-10)
        points = np.asarray(xy, np.float64).reshape(-1, 1, 2)
        undistorted = cv2.undistortPoints(points, self.matrix, self.distortion, criteria=criteria)
        return undistorted.reshape(-1, 2)

    def project(self, xyz: np.ndarray) -> np.ndarray:
        """Points (N, 3) in camera axes, z > 0, to pixel coordinates (N, 2)."""
        x, y = (np.asarray(xyz)[:, :2] / np.asarray(xyz)[:, 2:]).T
        r2 = x * x + y * y
        radial = 1 + r2 * (self.k1 + r2 * self.k2)
        u = x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x)
        v = y * radial + self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y
        return np.stack([self.fx * u + self.cx, self.fy * v + self.cy], axis=1)

    def frames(self, xy: np.ndarray) -> np.ndarray:
        """Whether pixel coordinates (..., 2) lie in the picture, (...) bool."""
        return (xy >= 0).all(axis=-1) & (xy < [self.width, self.height]).all(axis=-1)

    def in_frame(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixel coordinates (..., 2) of points (..., 3) in camera axes, and whether they are before the
        camera and in the picture, (...) bool; others have pixels without meaning."""
        before = points[..., 2] > 1e-6
        safe = np.where(before[..., None], points, np.array([0, 0, 1], points.dtype))
        xy = self.project(safe.reshape(-1, 3)).reshape(*before.shape, 2)
        return xy, before & self.frames(xy)

    def pixel_centres(self) -> np.ndarray:
        """Centres of all pixels in row-major order, (H * W, 2)."""
        v, u = np.mgrid[: self.height, : self.width]
        return np.stack([u.ravel(), v.ravel()], axis=1) + 0.5
