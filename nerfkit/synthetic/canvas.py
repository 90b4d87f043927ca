"""The sheet that procedural textures are painted on: metric coordinates, noise, cells.

Arrays are (height, width) with row 0 at the top; y grows downwards; noise has mean 0 and deviation 1.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Surface:
    """What a texture is made of: sRGB colour (H, W, 3) in [0, 1] and relief (H, W) in metres, or none."""

    colour: np.ndarray
    relief: np.ndarray | None = None


@dataclass
class Canvas:
    """A rectangle of `extent` (width, height) metres at `density` pixels per metre, with its own dice."""

    extent: tuple[float, float]
    density: float
    seed: int
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 0x7E])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        width, height = (max(8, round(length * self.density)) for length in self.extent)
        return height, width

    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the pixel centres in metres, each (H, W)."""
        height, width = self.shape
        y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
        return x / self.density, y / self.density

    def window(self, centre: float, reach: float) -> slice:
        """The rows or columns within `reach` metres of `centre`."""
        return slice(max(0, int((centre - reach) * self.density)), int((centre + reach) * self.density) + 1)

    def lattice(self, cell_x: float, cell_y: float) -> np.ndarray:
        """Smooth noise (H, W): random values on a lattice of cells (metres), cubic in between."""
        height, width = self.shape
        cells = np.array([cell_y, cell_x]) * self.density
        rows, columns = (np.ceil(np.array([height, width]) / cells).astype(int) + 3).tolist()
        grid = self.rng.standard_normal((rows, columns)).astype(np.float32)
        shift_y, shift_x = self.rng.random(2)
        y = (np.arange(height, dtype=np.float32) / cells[0] + 1 + shift_y).astype(np.float32)
        x = (np.arange(width, dtype=np.float32) / cells[1] + 1 + shift_x).astype(np.float32)
        stretched = _cubic_rows(grid, y)
        return _cubic_rows(np.ascontiguousarray(stretched.T), x).T

    def noise(self, cell: float | tuple[float, float], octaves: int = 5, gain: float = 0.6) -> np.ndarray:
        """Fractal noise (H, W), coarsest `cell` in metres (or (x, y)), halved down to a pixel at most."""
        cell_x, cell_y = cell if isinstance(cell, tuple) else (cell, cell)
        total, amplitude = np.zeros(self.shape, np.float32), 1.0
        for _ in range(octaves):
            if min(cell_x, cell_y) * self.density < 1:
                break
            total += amplitude * self.lattice(cell_x, cell_y)
            cell_x, cell_y, amplitude = cell_x / 2, cell_y / 2, amplitude * gain
        return (total - total.mean()) / max(float(total.std()), 1e-6)

    def warped(self, image: np.ndarray, amount: float, cell: float) -> np.ndarray:
        """`image` with every pixel fetched from up to about `amount` metres away."""
        height, width = self.shape
        v, u = np.mgrid[:height, :width].astype(np.float32)
        u += self.noise(cell, 3) * np.float32(amount * self.density)
        v += self.noise(cell, 3) * np.float32(amount * self.density)
        return cv2.remap(image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def cells(self, spacing: float) -> tuple[np.ndarray, np.ndarray]:
        """Worley cells about random points: index of the cell and distance to its border in metres."""
        width, height = self.extent
        count = max(4, round(width * height / spacing**2))
        points = self.rng.random((count, 2)) * [width, height]
        x, y = self.coordinates()
        distance, index = cKDTree(points).query(np.stack([x.ravel(), y.ravel()], 1), k=2)
        border = (distance[:, 1] - distance[:, 0]) / 2
        return index[:, 0].reshape(self.shape), border.reshape(self.shape).astype(np.float32)


def _cubic_rows(grid: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Rows of `grid` (R, C) at fractional `position` (N,), cubic B-spline weights: (N, C)."""
    base = np.floor(position).astype(int)
    t = (position - base)[:, None]
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    rows = [np.clip(base + k - 1, 0, len(grid) - 1) for k in range(4)]
    return sum(w / 6 * grid[r] for w, r in zip(weights, rows, strict=True))


def rgb(colour: str) -> np.ndarray:
    """ "#rrggbb" to float32 sRGB (3,)."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def mix(first: np.ndarray, second: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """`first` where `amount` (H, W) is 0, `second` where it is 1; colours (3,) or (H, W, 3)."""
    weight = np.clip(amount, 0, 1)[..., None]
    return first * (1 - weight) + second * weight


def shade(colour: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Colour (H, W, 3) made lighter (amount > 0) or darker, relative, clipped to [0, 1]."""
    return np.clip(colour * (1 + amount[..., None]), 0, 1).astype(np.float32)


def ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step: 0 below `low`, 1 above `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
