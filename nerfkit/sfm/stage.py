"""The sfm stage: photos to poses, lenses, bounds and sparse depth."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pycolmap

from nerfkit.errors import UserError
from nerfkit.files import stage_folder, write_json, write_manifest
from nerfkit.photos import PhotoSet, read_photos
from nerfkit.sfm.exposure import exposures
from nerfkit.sfm.lines import line_depth
from nerfkit.sfm.model import Model, fit_to_prepared, read_model
from nerfkit.sfm.provided import triangulate_provided
from nerfkit.sfm.reconstruction import reconstruct
from nerfkit.sfm.settings import SfmSettings
from nerfkit.sfm.sparse_depth import view_depth, write_sparse_depth
from nerfkit.sfm.transforms import transforms

log = logging.getLogger("nerfkit")


def sfm(photos: Path, provided: Path | None, out: Path, settings: SfmSettings) -> None:
    """Find where every photo was taken, or take it from the user, and triangulate what they saw.

    Test photos take part for their poses only.

    Args:
        photos: folder of the photos stage.
        provided: the user's `transforms.json` (nerfstudio schema), whose poses and lenses are kept.
        out: the stage's folder: `transforms.json`, `sparse/*.bin`, `sparse_depth.npz`, `test_depth.npz`
            of the test photos for the reference field alone, `sfm.json`.

    Raises:
        UserError: too few photos register, or the provided file is not valid.
    """
    photo_set = read_photos(photos)
    with stage_folder(out) as folder:
        work = folder / "work"
        if provided:
            reconstruction, attempts = triangulate_provided(provided, photo_set, work, settings)
        else:
            reconstruction, attempts = reconstruct(photo_set, work, settings)
        fit_to_prepared(reconstruction, photo_set)
        model = read_model(reconstruction, photo_set)
        check_points(model, settings.min_points)
        shutil.rmtree(work)
        gains, exposure = exposures(model, photos, settings.exposure)
        content = transforms(model, gains, unregistered(model, photo_set, "train"), settings.min_points)
        lines = line_depth(model, photos) if settings.lines else {}
        write_model(folder, reconstruction, model, lines, content)
        report(folder, model, photo_set, attempts=attempts, exposure=exposure)


def check_points(model: Model, fewest: int) -> None:
    """Whether enough points are left where photos are opaque.

    Raises:
        UserError: there are too few to tell how far away anything is.
    """
    if len(model.points) < fewest:
        raise UserError(
            f"images/: only {len(model.points)} points lie where at least two photos show something, "
            f"{fewest} are needed; where photos are transparent, give them with their surroundings."
        )


def write_model(
    folder: Path, reconstruction: pycolmap.Reconstruction, model: Model, lines: dict, content: dict
) -> None:
    """Write the three forms in which a model is read; `content` is that of transforms.json."""
    (folder / "sparse").mkdir()
    reconstruction.write_binary(folder / "sparse")
    write_json(folder / "transforms.json", content)
    scene_from_world = np.array(content["scene_from_world"])
    write_sparse_depth(folder / "sparse_depth.npz", model, model.train, lines, scene_from_world)
    write_sparse_depth(folder / "test_depth.npz", model, model.test, {}, scene_from_world)


def unregistered(model: Model, photos: PhotoSet, split: str) -> list[str]:
    """Names of the photos of one split that have no pose."""
    known = {view.photo.file for view in model.views}
    return [photo.name for photo in photos.split(split) if photo.file not in known]


def report(folder: Path, model: Model, photos: PhotoSet, **facts: object) -> None:
    """Log what registered and write the manifest, with further facts."""
    missing = {split: unregistered(model, photos, split) for split in ("train", "test")}
    for split, names in missing.items():
        total = len(photos.split(split))
        log.info("%s photos: %d of %d have a pose", split, total - len(names), total)
        if names:
            log.warning("%s photos without a pose, left out from here on: %s", split, ", ".join(names))
    error = float(np.mean(np.concatenate([view_depth(view, model.points)[2] for view in model.train])))
    log.info(
        "%d points, mean reprojection error %.2f pixels of the prepared photos", len(model.points), error
    )
    write_manifest(
        folder,
        "sfm",
        unregistered=missing["train"],
        unregistered_test=missing["test"],
        points=len(model.points),
        mean_error=error,
        **facts,
    )
