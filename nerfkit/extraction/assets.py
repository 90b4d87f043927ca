"""Stage `assets`: the object as a mesh and as a point cloud, for any 3D program."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nerfkit.extraction.asset_files import write_glb, write_ply
from nerfkit.extraction.mesh import Mesh, extract_mesh, scattered
from nerfkit.extraction.viewpoints import upward
from nerfkit.fields.object_field import read_object_field
from nerfkit.files import stage_folder, write_manifest
from nerfkit.scene import Scene, read_scene

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class AssetsSettings:
    """How fine the assets are."""

    resolution: int = 160  # voxels a side of the cube that marching cubes walks
    points: int = 100_000  # of the point cloud


def assets(
    transforms: Path, photos: Path, object_field: Path, out: Path, settings: AssetsSettings, seed: int
) -> None:
    """Write mesh.ply, mesh.glb, points.ply, points.glb and assets.json into `out`.

    The object stands upright, z up (y up in GLB), the middle of its underside at the origin, in units of
    the reconstruction. `crumbs` in the manifest is the share of the surface that was not connected with the
    rest and was left out.

    Args:
        transforms: `transforms.json` of the sfm stage.
        photos: folder of the photos stage.
        object_field: .safetensors file of that stage.
    """
    scene = read_scene(transforms, photos)
    centres = np.stack([view.world_from_cam[:3, 3] for view in scene.train])
    mesh, share = extract_mesh(read_object_field(object_field), settings.resolution, centres)
    mesh, asset_from_scene = upright(mesh, scene)
    points = scattered(mesh, settings.points, seed)
    with stage_folder(out) as folder:
        for name, shape in (("mesh", mesh), ("points", points)):
            write_ply(folder / f"{name}.ply", shape)
            write_glb(folder / f"{name}.glb", shape)
        write_manifest(
            folder,
            "assets",
            vertices=len(mesh.vertices),
            faces=len(mesh.faces),
            largest_part=share,
            crumbs=1 - share,
            asset_from_scene=asset_from_scene.tolist(),
        )
    log.info("mesh of %d faces; %.2f %% of the surface were crumbs", len(mesh.faces), 100 * (1 - share))


def upright(mesh: Mesh, scene: Scene) -> tuple[Mesh, np.ndarray]:
    """A mesh turned so that the scene's up is z, and the transform (4, 4) `asset_from_scene` that did it."""
    up = upward(np.stack([view.world_from_cam for view in scene.train]))
    side = np.cross(up, [1.0, 0, 0] if abs(up[0]) < 0.9 else [0, 1.0, 0])
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(up, side), up])
    turned = mesh.vertices @ rotation.T
    low, high = turned.min(0), turned.max(0)
    foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    transform = np.eye(4)
    transform[:3, :3] = rotation / scene.scale
    transform[:3, 3] = -foot / scene.scale
    moved = replace(mesh, vertices=(turned - foot) / scene.scale, normals=mesh.normals @ rotation.T)
    return moved, transform
