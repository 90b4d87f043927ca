"""Sparse depth of views: where each sees points and edges, and how deep they are."""

from pathlib import Path

import numpy as np

from nerfkit.files import atomic_path
from nerfkit.sfm.model import Model, PosedPhoto


def write_sparse_depth(
    path: Path,
    model: Model,
    views: list[PosedPhoto],
    lines: dict[str, tuple[np.ndarray, np.ndarray]],
    scene_from_world: np.ndarray,
) -> None:
    """Write the points and what each of some views sees of them, and of `lines` (`line_depth`).

    Keys of the npz: `<name>/xy` (N, 2) pixels of the prepared photo, `<name>/z` (N,) z-depth in scene units
    and `<name>/error` (N,) reprojection error in pixels; `<name>/line_xy` (L, 2) and `<name>/line_z` (L,) are
    pixels and depth along edges; `points` (M, 3) in scene units, `rgb` (M, 3) uint8.
    """
    scale = np.linalg.norm(scene_from_world[:3, 0])
    arrays = {
        "points": (model.points @ scene_from_world[:3, :3].T + scene_from_world[:3, 3]).astype(np.float32),
        "rgb": model.rgb,
    }
    for view in views:
        xy, z, error = view_depth(view, model.points)
        arrays[f"{view.photo.name}/xy"] = xy.astype(np.float32)
        arrays[f"{view.photo.name}/z"] = (z * scale).astype(np.float32)
        arrays[f"{view.photo.name}/error"] = error.astype(np.float32)
        xy, z = lines.get(view.photo.name, (np.zeros((0, 2)), np.zeros(0)))
        arrays[f"{view.photo.name}/line_xy"] = xy.astype(np.float32)
        arrays[f"{view.photo.name}/line_z"] = (z * scale).astype(np.float32)
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def view_depth(view: PosedPhoto, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a view sees of the points before it.

    Returns:
        Pixels (N, 2), z-depth (N,) in the reconstruction's unit, reprojection error (N,) in pixels.
    """
    xyz = view.in_camera(points[view.point_idx])
    before = xyz[:, 2] > 0
    error = np.linalg.norm(view.camera.project(xyz[before]) - view.xy[before], axis=1)
    return view.xy[before], xyz[before, 2], error
