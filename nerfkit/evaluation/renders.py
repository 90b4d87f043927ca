"""Renders of both fields at the test views or, for a capture without any, at training views."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.evaluation import canvas
from nerfkit.evaluation.paint2d import Painter, painted
from nerfkit.fields import read_field
from nerfkit.fields.object_field import read_object_field
from nerfkit.fields.object_nerf import ObjectNerf
from nerfkit.files import read_image, stage_folder, write_image, write_manifest
from nerfkit.rendering import Field, RenderedView, render_view
from nerfkit.scene import View, read_scene
from nerfkit.views import chosen_views

log = logging.getLogger("nerfkit")

# what fills the hole -> the stage whose work the image `rgb` shows
FILLS = {
    "field": "inpainted_field",
    "inpaint_2d": "renders",
    "object_nerf": "object_field",
    "reference": "reference_field",
}


@dataclass(frozen=True)
class RendersSettings:
    """Settings of the renders stage."""

    max_views: int = 24  # views rendered at most, spread evenly over those there are
    # field: rgb shows the inpainted field; inpaint_2d: the scene field's render, its hole filled in 2D;
    # object_nerf: the scene field without the object's density; reference: a field of object-free photos
    fill: str = "field"


def renders(
    transforms: Path,
    photos: Path,
    field: Path,
    out: Path,
    settings: RendersSettings,
    *,
    inpainted_field: Path | None = None,
    painter: Painter | None = None,
    object_field: Path | None = None,
    reference: Path | None = None,
) -> None:
    """Render views with the scene field (before) and without the object (rgb, depth), as `fill` says.

    Writes <split>/<name>/{rgb,before,depth}.png, depth.npz and depth_before.npz (z-depth (H, W) by view name,
    float32, scene units) and renders.json, which lists the views and says which stage each image shows.

    Args:
        transforms: `transforms.json` of the sfm stage.
        photos: folder of the photos stage.
        field: .safetensors file of the scene field.
        inpainted_field: that of the inpainted field, what `fill: field` takes.
        painter: what `fill: inpaint_2d` takes.
        object_field: .safetensors file of the object field, what `fill: object_nerf` takes.
        reference: folder of the stage reference_field, what `fill: reference` takes.

    Raises:
        UserError: an unknown `fill`, or one in 2D of a test view without a mask.
    """
    if settings.fill not in FILLS:
        raise UserError(f"renders.fill is {settings.fill!r}; choose one of {', '.join(FILLS)}.")
    views = chosen_views(read_scene(transforms, photos), settings.max_views)
    before = render_all(read_field(field), views, "renders before")
    if settings.fill == "field":
        after = render_all(read_field(inpainted_field), views, "renders after")
    elif settings.fill == "object_nerf":
        after = render_all(ObjectNerf(read_object_field(object_field)), views, "renders after")
    elif settings.fill == "reference":
        after = held_out(views, before, reference)
    else:
        after = painted(views, before, painter)
    with stage_folder(out) as folder:
        write_renders(folder, views, before, after)
        listed = [
            {"name": v.name, "split": v.split, "width": v.camera.width, "height": v.camera.height}
            for v in views
        ]
        write_manifest(
            folder, "renders", views=listed, stages={"rgb": FILLS[settings.fill], "before": "field"}
        )
    log.info("%d %s views rendered", len(views), views[0].split)


def render_all(field: Field, views: list[View], label: str) -> list[RenderedView]:
    """Every view through its own lens, between its own bounds."""
    return [
        render_view(field, view.camera, view.world_from_cam, view.near, view.far)
        for view in tqdm(views, desc=label, unit="view", disable=None)
    ]


def held_out(views: list[View], renders: list[RenderedView], reference: Path) -> list[RenderedView]:
    """What the reference field's halves made of the views that they had not learnt."""
    with np.load(reference / "depth.npz") as depths:
        return [
            replace(
                render,
                rgb=read_image(reference / "held_out" / f"{view.name}.png") / np.float32(255),
                depth=depths[view.name],
            )
            for view, render in zip(views, renders, strict=True)
        ]


def write_renders(
    folder: Path, views: list[View], before: list[RenderedView], after: list[RenderedView]
) -> None:
    """Write the images and depths; all depth pictures share one range of colours."""
    bounds = canvas.depth_range([rendered.depth for rendered in after])
    for view, old, new in zip(views, before, after, strict=True):
        place = folder / view.split / view.name
        place.mkdir(parents=True)
        write_image(place / "photo.png", view.image())
        write_image(place / "rgb.png", new.rgb)
        write_image(place / "before.png", old.rgb)
        write_image(place / "depth.png", canvas.depth_colours(new.depth, *bounds))
    for name, rendered in (("depth", after), ("depth_before", before)):
        depths = {view.name: r.depth.astype(np.float32) for view, r in zip(views, rendered, strict=True)}
        np.savez_compressed(folder / f"{name}.npz", **depths)
