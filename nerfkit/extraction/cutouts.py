"""Stage `cutouts`: pictures and a film of the object alone."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from nerfkit.cameras import Camera
from nerfkit.evaluation import canvas
from nerfkit.evaluation.video import encode_mp4, layout
from nerfkit.extraction.denoising import denoised_along_rays, masked
from nerfkit.extraction.viewpoints import circle, square_camera
from nerfkit.fields.object_field import CHUNK, ObjectField, read_object_field, render_part
from nerfkit.files import stage_folder, write_image, write_manifest
from nerfkit.object_rendering import PartRendering
from nerfkit.rays import Rays, view_rays
from nerfkit.scene import Scene, View, read_scene
from nerfkit.views import chosen_views

log = logging.getLogger("nerfkit")

SIDES = 8  # pictures of the sheet `around.png`
STEPS = ("noisy", "smoothed", "thresholded", "masked")  # of the paper's Figure 4


@dataclass(frozen=True)
class CutoutsSettings:
    """Which pictures of the object are made."""

    of: str = "object"  # object | scene: all that the field holds, as LaTeRF's baselines without labels show
    max_views: int = 12  # views rendered at most, spread evenly over those there are
    mask: bool = False  # whether pixels that the object's score rejects become transparent (section 5.1)
    frames: int = 60  # of the film
    fps: int = 15
    size: int = 320  # pixels a side of the film
    crf: int = 20  # constant rate factor of x264


def cutouts(transforms: Path, photos: Path, object_field: Path, out: Path, settings: CutoutsSettings) -> None:
    """Render the object on transparency, white and black, and film it.

    Writes {rgba,white,black}/<view>.png, orbit.mp4 (on white and black), around.png (the object from all
    sides), steps.png (the denoising step by step, LaTeRF's Figure 4) and cutouts.json.

    Args:
        transforms: `transforms.json` of the sfm stage.
        photos: folder of the photos stage.
        object_field: .safetensors file of that stage.
    """
    scene = read_scene(transforms, photos)
    model = read_object_field(object_field)
    views = chosen_views(scene, settings.max_views)
    poses = orbit_poses(scene, model, settings.frames)
    with stage_folder(out) as folder:
        for name in ("rgba", *canvas.BACKGROUNDS):
            (folder / name).mkdir()
        for view in tqdm(views, desc="cutouts", unit="view", disable=None):
            write_cutout(folder, view, rendered(model, view_rays_of(view), settings))
        write_image(folder / "steps.png", steps_sheet(model, clearest(model, views)))
        frames = [film_frame(model, pose, scene, settings) for pose in tqdm(poses, desc="orbit", unit="view")]
        write_image(folder / "around.png", around_sheet(frames))
        names, greys = canvas.BACKGROUNDS.keys(), canvas.BACKGROUNDS.values()
        pictures = [layout([laid_over(frame, grey) for grey in greys], tuple(names)) for frame in frames]
        encode_mp4(folder / "orbit.mp4", pictures, settings.fps, settings.crf)
        listed = [{"name": view.name, "split": view.split} for view in views]
        write_manifest(folder, "cutouts", views=listed, frames=len(frames))
    log.info("%d cutouts, a film of %d frames", len(views), len(frames))


def view_rays_of(view: View) -> Rays:
    """All rays of a view."""
    return view_rays(view.camera, view.world_from_cam, view.near, view.far)


def rendered(model: ObjectField, rays: Rays, settings: CutoutsSettings) -> PartRendering:
    """The object along rays, denoised as the settings say, or the whole scene."""
    if settings.of == "scene":
        return render_part(lambda chunk: whole_scene(model, chunk), rays)
    if model.along_rays:
        parts = [denoised_along_rays(model, chunk) for chunk in rays.chunks(CHUNK)]
        return joined([part["masked" if settings.mask else "thresholded"] for part in parts])
    whole = render_part(model.trace_object, rays)
    return masked(whole) if settings.mask else whole


def whole_scene(model: ObjectField, rays: Rays) -> PartRendering:
    """The scene field's own rendering in the form of a part; its colour is not premultiplied there either."""
    scene = model.scene_field.trace(rays)
    return PartRendering(scene.rgb, scene.accumulation, scene.depth, scene.accumulation)


def joined(parts: list[PartRendering]) -> PartRendering:
    """Several renderings as one."""
    names = PartRendering.__dataclass_fields__
    return PartRendering(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def rgba(rendering: PartRendering, camera: Camera) -> np.ndarray:
    """A rendering as uint8 (H, W, 4), colour not multiplied by alpha."""
    stacked = torch.cat([rendering.rgb, rendering.accumulation[:, None]], dim=1).clamp(0, 1)
    return (stacked.reshape(camera.height, camera.width, 4).numpy() * 255 + 0.5).astype(np.uint8)


def laid_over(image: np.ndarray, grey: float) -> np.ndarray:
    """An RGBA picture (H, W, 4) in front of a grey in [0, 1], uint8 RGB."""
    return canvas.as_bytes(canvas.over(image, grey))


def write_cutout(folder: Path, view: View, rendering: PartRendering) -> None:
    """Write one view on transparency and on each background."""
    picture = rgba(rendering, view.camera)
    write_image(folder / "rgba" / f"{view.name}.png", picture)
    for name, grey in canvas.BACKGROUNDS.items():
        write_image(folder / name / f"{view.name}.png", laid_over(picture, grey))


def orbit_poses(scene: Scene, model: ObjectField, frames: int) -> np.ndarray:
    """Poses (frames, 4, 4) once around the object."""
    return circle(np.stack([view.world_from_cam for view in scene.train]), model.box, frames)


def film_frame(model: ObjectField, pose: np.ndarray, scene: Scene, settings: CutoutsSettings) -> np.ndarray:
    """One RGBA frame of the film."""
    camera = square_camera(pose, model.box, settings.size)
    far = 2 * float(np.linalg.norm(pose[:3, 3] - model.box.centre)) + model.box.side
    return rgba(rendered(model, view_rays(camera, pose, 0.01 * far, far), settings), camera)


def around_sheet(frames: list[np.ndarray]) -> np.ndarray:
    """The object from all sides, on white above and black below."""
    chosen = [frames[round(k * len(frames) / SIDES) % len(frames)] for k in range(SIDES)]
    rows = [
        np.concatenate([laid_over(frame, grey) for frame in chosen], axis=1)
        for grey in canvas.BACKGROUNDS.values()
    ]
    return np.concatenate(rows)


def clearest(model: ObjectField, views: list[View]) -> View:
    """The view that looks at the object from nearest, for the picture of the steps."""
    return min(views, key=lambda view: float(np.linalg.norm(view.world_from_cam[:3, 3] - model.box.centre)))


def steps_sheet(model: ObjectField, view: View) -> np.ndarray:
    """The steps of section 5.1 in one view, side by side on white, and the mask before the last."""
    chunks = [denoised_along_rays(model, rays) for rays in view_rays_of(view).chunks(CHUNK)]
    steps = {name: joined([chunk[name] for chunk in chunks]) for name in STEPS}
    panels = {name: laid_over(rgba(step, view.camera), 1.0) for name, step in steps.items()}
    score = torch.sigmoid(steps["thresholded"].logit).reshape(view.camera.height, view.camera.width, 1)
    mask = canvas.as_bytes(score.expand(-1, -1, 3).numpy())
    ordered = [*[panels[name] for name in STEPS[:3]], mask, panels["masked"]]
    return layout(ordered, (*STEPS[:3], "object mask", "masked"))
