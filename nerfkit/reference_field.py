"""Stage `reference_field`: the place without the object as photos of just that show it.

SPIn-NeRF compares with renders of such a field (experiments, multiview inpainting). As a method of its own it
is the ceiling: then each photo is rendered by a field that did not learn it, one for each half of the photos.
"""

import logging
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.fields import FieldSettings, make_field
from nerfkit.files import stage_folder, write_image, write_manifest
from nerfkit.objectives.keypoints import read_keypoints
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field, RenderedView, render_view
from nerfkit.scene import View, read_scene
from nerfkit.training import fit, train

log = logging.getLogger("nerfkit")

FEWEST = 6  # photos; a half of them is hardly a capture


def reference_field(photos: Path, sfm: Path, out: Path, field_settings: FieldSettings, seed: int) -> None:
    """Learn the test photos.

    Args:
        photos, sfm: folders of those stages.
        out: this stage's folder: truth/<stem>.png, test views rendered by the field of all of them,
            held_out/<stem>.png and depth.npz (z-depth (H, W), float32), by the field of the half without the
            view, a curve for each training in curves/, reference_field.json.
    Raises:
        UserError: there are too few test photos.
    """
    scene = read_scene(sfm / "transforms.json", photos)
    views = scene.split("test")
    if len(views) < FEWEST:
        raise UserError(
            f"A reference field needs at least {FEWEST} registered photos without the object in test/images; "
            f"there are {len(views)}. Set renders.fill and metrics.truth to what does without."
        )
    depths: dict[str, np.ndarray] = {}
    with stage_folder(out) as folder:
        for name in ("truth", "held_out", "curves"):
            (folder / name).mkdir()

        def learnt(chosen: list[View], name: str) -> Field:
            """A field of some of the photos, trained like that of the scene."""
            keypoints = read_keypoints(sfm / "test_depth.npz", chosen)
            objective = Photometric.weighted(PixelBank(chosen), keypoints, field_settings, scene.nearest)
            return fitted(objective, field_settings, seed, folder / "curves" / f"{name}.csv")

        whole = learnt(views, "all")
        write_views(folder / "truth", whole, views)
        for name, half, others in (("even", views[::2], views[1::2]), ("odd", views[1::2], views[::2])):
            rendered = write_views(folder / "held_out", learnt(half, name), others)
            depths |= {n: r.depth for n, r in rendered.items()}
        np.savez_compressed(folder / "depth.npz", **depths)
        write_manifest(folder, "reference_field", views=len(views), steps=field_settings.steps)
    log.info("reference field: %d photos without the object", len(views))


def fitted(objective: Photometric, settings: FieldSettings, seed: int, curve: Path) -> Field:
    """A field that reached its objective."""
    model = make_field(settings, seed)
    fit(train(model, objective, settings, seed), settings.steps, curve, f"reference, {curve.stem}")
    return model.eval()


def write_views(folder: Path, model: Field, views: list[View]) -> dict[str, RenderedView]:
    """Render views into <stem>.png of a folder; the renders by name."""
    rendered = {}
    for view in tqdm(views, desc=folder.name, unit="view", disable=None):
        rendered[view.name] = render_view(model, view.camera, view.world_from_cam, view.near, view.far)
        write_image(folder / f"{view.name}.png", rendered[view.name].rgb)
    return rendered
