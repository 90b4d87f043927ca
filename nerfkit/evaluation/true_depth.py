"""Depth of the place without the object, where it is known, against the depth that a field renders.

A capture may bring `test/depth/<stem>.npz` with `z_depth` (H, W), float32, in the units of its
`transforms.json`, 0 where it is not known. Renders are in scene units; how many of those a unit of the
capture has is read off the cameras' centres in both.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.files import read_json


@dataclass(frozen=True)
class TrueDepth:
    """Folder of the true depths, and scene units per unit of the capture."""

    folder: Path
    scale: float

    def of(self, name: str, like: np.ndarray) -> np.ndarray | None:
        """z-depth (H, W) of a view in scene units at the size of `like`, nearest pixel; None: not known."""
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            return None
        size = (like.shape[1], like.shape[0])
        depth = np.load(path)["z_depth"]
        return cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST_EXACT) * self.scale


def read_true_depth(folder: Path | None, exact: Path | None, found: Path) -> TrueDepth | None:
    """What a capture knows of its depth; None where there is no folder.

    Args:
        folder: `test/depth` of the scene folder.
        exact: the scene folder's `transforms.json`.
        found: `transforms.json` of the sfm stage.

    Raises:
        UserError: there are depths but no poses in their units, or too few views in common.
    """
    if folder is None:
        return None
    if exact is None:
        raise UserError(f"{folder} says depths, but no transforms.json beside test/ says in which units.")
    ours, theirs = centres(found), centres(exact)
    names = sorted(ours.keys() & theirs.keys())
    if len(names) < 3:
        raise UserError(f"{exact} has {len(names)} views in common with the reconstruction; 3 are needed.")
    to_scene = np.linalg.norm(np.array(read_json(found)["scene_from_world"], float)[:3, 0])
    return TrueDepth(folder, to_scene * spread(ours, names) / spread(theirs, names))


def centres(transforms: Path) -> dict[str, np.ndarray]:
    """stem -> centre (3,) of its camera, in the file's own units."""
    frames = read_json(transforms)["frames"]
    return {Path(f["file_path"]).stem: np.array(f["transform_matrix"], float)[:3, 3] for f in frames}


def spread(points: dict[str, np.ndarray], names: list[str]) -> float:
    """Root mean square distance from the mean; the ratio of two is their scale (Horn 1987, symmetrical)."""
    chosen = np.stack([points[name] for name in names])
    return float(np.sqrt(np.square(chosen - chosen.mean(axis=0)).sum(axis=1).mean()))


def depth_error(depth: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Median of |depth - truth| / truth over the pixels of a mask whose truth is known; nan without any."""
    known = mask & (truth > 0)
    if not known.any():
        return float("nan")
    return float(np.median(np.abs(depth[known] - truth[known]) / truth[known]))
