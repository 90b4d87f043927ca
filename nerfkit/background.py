"""Stage `background`: how much of what the object hides in one photo the other photos show.

Most of it: where enough of them show the surface behind a hole, nothing has to be invented, and the hole is
filled with what they show. Goes beyond SPIn-NeRF, which paints over every hole whole.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from nerfkit.files import read_arrays, read_mask, stage_folder, write_image, write_manifest, write_mask
from nerfkit.masks import surroundings
from nerfkit.membrane import meeting
from nerfkit.projection import lift
from nerfkit.scene import read_scene
from nerfkit.visibility import CLEAR, Shown, barred, before, surfaces_behind, witnesses

log = logging.getLogger("nerfkit")

SPECKLE = 0.016  # of the width; what is seen across less than that, or in less than
MOST = 0.6  # of a window of
WINDOW = 0.04  # of the width, amid what is not, is an accident of the tests
THICKNESS = 0.04  # of the depth, by which what is behind the object is at least behind its surface


@dataclass(frozen=True)
class BackgroundSettings:
    """When a surface behind a hole counts as seen."""

    views: int = 2  # other photos that must show it
    tolerance: float = 0.02  # two depths of one surface differ by at most this share


def background(
    photos: Path, sfm: Path, holes: Path, depth: Path, out: Path, settings: BackgroundSettings
) -> None:
    """Look behind the object.

    Args:
        photos, sfm, holes, depth: folders of those stages.
        out: this stage's folder: for every training view unseen/<stem>.png, the part of its hole that no
            other photo shows, images/<stem>.png, the photo with the rest of its hole as other photos show it,
            and depth.npz, z-depth without the object where it is seen and 0 where it is not;
            background.json.
    """
    views = read_scene(sfm / "transforms.json", photos).train
    depths = read_arrays(depth / "depth.npz")
    shown = [
        Shown(
            view,
            read_mask(holes / "masks" / f"{view.name}.png"),
            read_mask(holes / "holes" / f"{view.name}.png"),
            depths[view.name],
            view.image() / np.float32(255),
        )
        for view in views
    ]
    with stage_folder(out) as folder:
        hidden = reveal(folder, shown, settings)
        share = float(np.mean(list(hidden.values()))) if hidden else 0.0
        log.info("background: %.0f %% of the holes is seen in other photos", 100 * (1 - share))
        write_manifest(folder, "background", unseen=hidden, unseen_share=share)


def reveal(folder: Path, shown: list[Shown], settings: BackgroundSettings) -> dict[str, float]:
    """Write what is seen behind every view's hole; the share of each hole that is not, by view."""
    for name in ("unseen", "images"):
        (folder / name).mkdir()
    depths, shares = {}, {}
    for k, one in enumerate(tqdm(shown, desc="background", unit="view")):
        name = one.view.name
        bare = look_behind(one, shown[:k] + shown[k + 1 :], settings) if one.hole.any() else one
        write_mask(folder / "unseen" / f"{name}.png", bare.hole)
        write_image(folder / "images" / f"{name}.png", (bare.rgb * 255 + 0.5).astype(np.uint8))
        depths[name] = np.where(bare.hole, 0, bare.depth)
        if one.hole.any():
            shares[name] = round(float(bare.hole.sum() / one.hole.sum()), 4)
    np.savez(folder / "depth.npz", **depths)
    return shares


def look_behind(one: Shown, others: list[Shown], settings: BackgroundSettings) -> Shown:
    """A view with what other views show behind its hole; its hole is then the part that they do not.

    On the hole's rim the photo stays, and the depth is theirs too: the view's own is foggy with the object.
    Inside, their colours are shifted smoothly so that they meet the photo there: no surface is quite matt.
    """
    others = sorted(others, key=lambda other: np.linalg.norm(other.centre - one.centre))
    part = surroundings(one.doubted, 0)
    # Where another view's mask lacks a part of the object, that view shows the object itself.
    nearest = np.where(one.mask, one.depth * (1 + THICKNESS), 0)
    depth, rgb, left = one.depth.copy(), one.rgb.copy(), one.doubted.copy()
    steps = np.full((2, *rgb.shape), np.nan, np.float32)
    for layer in surfaces_behind(one, others, settings.views, settings.tolerance):
        tried = left & np.isfinite(layer) & (layer > nearest)
        if not tried.any():
            continue
        tried &= ~barred(one, layer, others, settings.views, settings.tolerance)
        points = lift(one.view, np.where(tried, layer, 0).astype(np.float32))[part]
        found = witnesses(points, others, settings.tolerance)
        seen = np.zeros_like(left)
        seen[part] = tried[part] & (found.count >= settings.views) & (found.count > CLEAR * found.through)
        depth[seen] = layer[seen]
        rgb[seen] = found.rgb[seen[part]]
        for axis, step in enumerate(steps):
            both = seen & before(seen, axis)
            step[both] = found.steps[axis][both[part]]
        left &= ~seen
    rgb = seamless(one, rgb, steps, one.doubted & ~left)
    return replace(one, hole=hidden(left, one), depth=depth, rgb=rgb)


def seamless(one: Shown, rgb: np.ndarray, steps: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A view's photo with what other views saw put into its hole where `seen` (H, W).

    Their colours (H, W, 3) change where one view's hole begins and another's ends; their `steps` do not.
    """
    inside, rim = seen & one.hole, seen & ~one.hole
    result = one.rgb.copy()
    part = surroundings(one.doubted, 0)
    told = steps[0][part][1:], steps[1][part][:, 1:]
    met = meeting(rgb[part], one.rgb[part], rim[part], inside[part], told)
    result[inside] = np.clip(met[inside[part]], 0, 1)
    return result


def hidden(left: np.ndarray, one: Shown) -> np.ndarray:
    """The part of a view's hole (H, W) that counts as not seen, where `left` (H, W) is what no view shows."""
    speckle, window = (2 * round(share * one.hole.shape[1] / 2) + 1 for share in (SPECKLE, WINDOW))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (speckle, speckle))
    closed = cv2.morphologyEx((left & one.hole).astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
    unseen, whole = (
        cv2.blur(part.astype(np.float32), (window, window)) for part in (closed & one.hole, one.hole)
    )
    return one.hole & (closed | (unseen > (1 - MOST) * whole))
