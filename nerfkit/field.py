"""Stage `field`: the radiance field of the photos as they are, shared by the stages that follow."""

import logging
import math
from pathlib import Path

from nerfkit.fields import FieldSettings, make_field, write_field
from nerfkit.files import stage_folder, write_manifest
from nerfkit.objectives.keypoints import read_keypoints
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.scene import read_scene
from nerfkit.training import fit, train
from nerfkit.views import spread

log = logging.getLogger("nerfkit")


def field(photos: Path, sfm: Path, out: Path, settings: FieldSettings, seed: int) -> None:
    """Train the scene field.

    Args:
        photos, sfm: folders of those stages.
        out: this stage's folder: field.safetensors, field.csv (the curve), field.json.
    """
    scene = read_scene(sfm / "transforms.json", photos)
    views = spread(scene.train, settings.views or len(scene.train))
    model = make_field(settings, seed)
    objective = Photometric.weighted(
        PixelBank(views), read_keypoints(sfm / "sparse_depth.npz", views), settings, scene.nearest
    )
    with stage_folder(out) as folder:
        last = fit(train(model, objective, settings, seed), settings.steps, folder / "field.csv", "field")
        write_field(folder / "field.safetensors", model)
        psnr = -10 * math.log10(last["rgb"])
        log.info("field: %d training views, PSNR of the last steps %.2f dB", len(views), psnr)
        write_manifest(folder, "field", views=len(views), steps=settings.steps, train_psnr=psnr)
