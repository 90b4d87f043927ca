"""Stage `depth`: the scene field's z-depth of every training view, as float."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from nerfkit.fields import read_field
from nerfkit.files import stage_folder, write_manifest
from nerfkit.rendering import render_view
from nerfkit.scene import read_scene


def depth(photos: Path, sfm: Path, field: Path, out: Path) -> None:
    """Render depth.npz: name -> (H, W) float32 z-depth in scene units.

    Args:
        photos, sfm, field: folders of those stages.
    """
    views = read_scene(sfm / "transforms.json", photos).train
    model = read_field(field / "field.safetensors")
    depths = {
        view.name: render_view(model, view.camera, view.world_from_cam, view.near, view.far).depth
        for view in tqdm(views, desc="depth", unit="view")
    }
    with stage_folder(out) as folder:
        np.savez(folder / "depth.npz", **depths)
        write_manifest(folder, "depth", views=len(views), unit="scene units, z-depth, 0 = unknown")
