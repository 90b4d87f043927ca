"""Stage `inpainting`: every photo and its normalised disparity with the hole filled.

Normalised disparity is near_scene / z in (0, 1], near_scene the smallest near bound of the training views in
scene units; 0 where depth is unknown.
"""

import heapq
import logging
import time
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.files import (
    read_image,
    read_json,
    read_mask,
    stage_folder,
    write_image,
    write_manifest,
    write_mask,
)
from nerfkit.inpainting.carry import ENOUGH, FilledView, carry, carry_surfaces, choose_reference
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.inpainter import Inpainter, make_inpainter
from nerfkit.inpainting.provided import check_names, read_provided
from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.scene import View, read_scene

log = logging.getLogger("nerfkit")

NEARER = 1.03  # times the disparity of what is behind it, from which on something stands before it
NEIGHBOURS = 3  # views filled before that a fill is carried from, after the reference view


def inpainting(
    photos: Path,
    sfm: Path,
    holes: Path,
    depth: Path,
    background: Path | None,
    provided: Path | None,
    out: Path,
    settings: InpaintingSettings,
    seed: int,
) -> None:
    """Fill the holes of all training views.

    Writes images/<stem>.png (pixels outside the hole as in the photo), disparity.npz (float32 (H, W) by
    stem), filled/<stem>.png (what was filled) and the manifest inpainting.json.

    Args:
        photos, sfm, holes, depth: folders of those stages.
        background: folder of that stage, so that only what no photo shows is filled; None to fill all.
        provided: a folder with the user's own fills (see provided.py), or None to compute them.

    Raises:
        UserError: what is provided does not fit the photos; a backend without its weights; a reference view
            that is not there.
    """
    scene = read_scene(sfm / "transforms.json", photos)
    near = min(view.near for view in scene.train)
    if background is None:
        views = [open_view(view, view.image(), holes / "holes", depth, near) for view in scene.train]
    else:
        views = [open_bare(view, background, depth, near) for view in scene.train]
    if provided is None:
        fills = fill_views(views, make_inpainter(settings, seed), settings, near)
    else:
        unregistered = read_json(sfm / "transforms.json").get("unregistered", [])
        fills = paste_views(views, provided, [view.name for view in scene.views] + unregistered, settings)
    with stage_folder(out) as folder:
        for name in ("images", "filled"):
            (folder / name).mkdir()
        for filled in views:
            write_image(folder / "images" / f"{filled.view.name}.png", filled.image)
            write_mask(folder / "filled" / f"{filled.view.name}.png", filled.hole)
        np.savez(folder / "disparity.npz", **{filled.view.name: filled.disparity for filled in views})
        write_manifest(folder, "inpainting", **fills)


def read_hole(holes: Path, view: View) -> np.ndarray:
    """What is to be filled of a view, at the size of its photo, from a folder of masks."""
    path = holes / f"{view.name}.png"
    hole = read_mask(path)
    if hole.shape != (view.camera.height, view.camera.width):
        raise UserError(f"{path} is not of the size of its photo; rerun the stage `holes`.")
    return hole


def open_view(view: View, image: np.ndarray, holes: Path, depth: Path, near: float) -> FilledView:
    """Image and disparity of a view before it is filled; `holes` and `depth` are folders."""
    hole, shown = read_hole(holes, view), read_disparity(depth, view, near)
    standing, bare = np.where(hole, shown, 0), np.where(hole, 0, shown)
    return FilledView(view, normalised_pixels(view.camera), hole, image.copy(), bare, standing)


def open_bare(view: View, background: Path, depth: Path, near: float) -> FilledView:
    """A view of which only what no photo shows is to be filled; `background` and `depth` are folders of those
    stages."""
    image = read_image(background / "images" / f"{view.name}.png")
    hole = read_hole(background / "unseen", view)
    shown, bare = read_disparity(depth, view, near), read_disparity(background, view, near)
    standing = np.where(shown > NEARER * bare, shown, 0)
    return FilledView(view, normalised_pixels(view.camera), hole, image, bare, standing)


def read_disparity(depth: Path, view: View, near: float) -> np.ndarray:
    """Normalised disparity, float32 (H, W), by the depths in a stage's folder."""
    with np.load(depth / "depth.npz") as file:
        z = file[view.name]
    return np.where(z > 0, np.minimum(near / np.maximum(z, 1e-9), 1), 0).astype(np.float32)


@lru_cache(maxsize=4)
def normalised_pixels(camera: Camera) -> np.ndarray:
    """Normalised coordinates of all pixel centres, float32 (H, W, 2); one array for all views of a lens."""
    pixels = camera.unproject(camera.pixel_centres())
    return pixels.reshape(camera.height, camera.width, 2).astype(np.float32)


def fill_views(
    views: list[FilledView], inpainter: Inpainter, settings: InpaintingSettings, near: float
) -> dict:
    """Fill all holes in place, the reference view first, then outwards from it; the manifest's fields."""
    with_hole = [view for view in views if view.hole.any()]
    manifest = {"backend": settings.backend, "reference": views[0].view.name, "carried": {}}
    if not with_hole:
        return manifest
    reference = choose_reference(
        [view.view for view in views], {view.view.name: view.hole for view in views}, settings.reference
    ).name
    first = next(view for view in with_hole if view.view.name == reference)
    done: list[FilledView] = []
    for target in tqdm(sorted(with_hole, key=partial(_apart, first)), "inpainting", unit="view"):
        started = time.perf_counter()
        sources = []
        if settings.carry and done:
            sources = [first, *heapq.nsmallest(NEIGHBOURS, done[1:], key=partial(_apart, target))]
        left = fill_view(target, inpainter, sources, near)
        done.append(target)
        carried = 1 - left / target.hole.sum()
        manifest["carried"][target.view.name] = round(float(carried), 4)
        log.info("%s: filled in %.2f s", target.view.name, time.perf_counter() - started)
    return {**manifest, "reference": reference}


def _apart(one: FilledView, other: FilledView) -> float:
    """How far two views are apart: their positions in scene units plus their directions as unit vectors."""
    a, b = one.view.world_from_cam, other.view.world_from_cam
    return float(np.linalg.norm(a[:3, 3] - b[:3, 3]) + np.linalg.norm(a[:3, 2] - b[:3, 2]))


def fill_view(target: FilledView, inpainter: Inpainter, sources: list[FilledView], near: float) -> int:
    """Fill one view in place: depth, then what other views have filled before, then the rest in 2D.

    Returns: the number of pixels that were left to the 2D fill.
    """
    guide = Guide(target.disparity, target.view.camera, target.xy, target.standing)
    told = carry_surfaces(target, sources, near)
    begun = replace(guide, disparity=np.where(told > 0, told, guide.disparity))
    target.disparity = inpainter.fill_disparity(begun, target.hole & (told == 0))
    settled = replace(target, image=target.image.copy(), disparity=target.disparity.copy())
    left = target.hole
    for source in sources:
        left = carry(settled, source, left, near)
    if left.sum() <= (1 - ENOUGH) * target.hole.sum():
        target.image, target.disparity = settled.image, settled.disparity
    else:  # depths that agree on so little, like those of bare walls, carry scraps that do not fit together
        left = target.hole
    target.image = inpainter.fill(target.image, left, replace(guide, disparity=target.disparity))
    return int(left.sum())


def paste_views(
    views: list[FilledView], provided: Path, photos: list[str], settings: InpaintingSettings
) -> dict:
    """Take the user's fills into the holes, in place; the manifest's fields."""
    masks = {view.view.name: view.hole for view in views}
    with_hole = [view for view in views if view.hole.any()]
    check_names(provided, [view.view.name for view in with_hole], photos)
    residuals = {
        view.view.name: read_provided(provided, view)
        for view in tqdm(with_hole, desc="inpainting", unit="view")
    }
    manifest = {"backend": "provided", "reference": views[0].view.name, "residual": residuals}
    if with_hole:
        manifest["reference"] = choose_reference(
            [view.view for view in views], masks, settings.reference
        ).name
        typical = float(np.median(list(residuals.values())))
        log.info("provided disparities aligned: median residual %.2f %% around the holes", 100 * typical)
    return manifest
