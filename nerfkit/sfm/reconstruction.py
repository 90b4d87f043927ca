"""Poses from photos: COLMAP's incremental mapper, tried again with more patience while too few register."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pycolmap
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.photos import FEWEST_VIEWS, PhotoSet
from nerfkit.sfm.features import PEAK_THRESHOLD, Lens, extract, link_photos, match, photo_number, threads
from nerfkit.sfm.pairs import choose_pairs
from nerfkit.sfm.settings import SfmSettings

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class Attempt:
    """One rung of the retry ladder."""

    name: str
    patient: bool = False  # the mapper is content with smaller angles and fewer inliers
    thorough: bool = False  # more pairs, twice the keypoints at half the contrast


LADDER = (
    Attempt("as set"),
    Attempt("with smaller angles and fewer inliers", patient=True),
    Attempt("with more pairs and keypoints", thorough=True),
    Attempt("with more pairs and keypoints, smaller angles and fewer inliers", patient=True, thorough=True),
)


def reconstruct(
    photos: PhotoSet, work: Path, settings: SfmSettings
) -> tuple[pycolmap.Reconstruction, list[dict]]:
    """Climb the ladder until all photos register; the best attempt counts.

    Mapping again is quick. New keypoints and matches are not: `wanted_share` of the photos spares them.

    Returns:
        The reconstruction, in pixels of the large copies, image names as in the work folder; and for each
        attempt its name and the number of views and points.

    Raises:
        UserError: too few photos could be joined.
    """
    numbers = list(range(len(photos.photos)))
    link_photos(photos, numbers, work / "images")
    best, record = None, []
    for attempt in LADDER:
        wanted = (settings.wanted_share if attempt.thorough else 1) * len(numbers)
        if len(registered(photos, best)) >= wanted:
            break
        database = matched_database(photos, numbers, work, settings, attempt.thorough)
        model = largest_model(photos, work / "images", database, attempt.patient, settings.seed)
        views = registered(photos, model)
        record.append(
            {"attempt": attempt.name, "views": len(views), "points": model.num_points3D() if model else 0}
        )
        log.info("%s: %d of %d photos registered", attempt.name, len(views), len(numbers))
        if best is None or rank(photos, model) > rank(photos, best):
            best = model
    check_registered(photos, best, settings)
    return best, record


def matched_database(
    photos: PhotoSet, numbers: list[int], work: Path, settings: SfmSettings, thorough: bool
) -> Path:
    """The database of keypoints and matches, made once for the thorough attempts and once for the others."""
    database = work / ("thorough.db" if thorough else "database.db")
    if not database.exists():
        factor = 2 if thorough else 1
        groups = lens_groups(photos, settings)
        extract(database, work / "images", groups, settings.features * factor, PEAK_THRESHOLD / factor)
        match(database, choose_pairs(database, photos, numbers, settings, factor), settings.seed)
    return database


def lens_groups(photos: PhotoSet, settings: SfmSettings) -> list[tuple[Lens, list[int]]]:
    """Photo numbers that share a lens: those of one size, or each on its own."""
    groups = defaultdict(list)
    for number, photo in enumerate(photos.photos):
        groups[photo.upright_size if settings.cameras == "shared" else number].append(number)
    return [(Lens(settings.camera_model), numbers) for numbers in groups.values()]


def largest_model(
    photos: PhotoSet, images: Path, database: Path, patient: bool, seed: int
) -> pycolmap.Reconstruction | None:
    """Run the mapper; of the models it finds, the one with most training photos. None if it finds none."""
    options = mapper_options(patient, seed)
    pycolmap.set_random_seed(seed)
    out = database.with_suffix(".models")
    out.mkdir(exist_ok=True)
    with tqdm(total=len(photos.photos), desc="mapping") as progress:
        models = pycolmap.incremental_mapping(
            database,
            images,
            out,
            options,
            initial_image_pair_callback=lambda: progress.update(2),
            next_image_callback=lambda: progress.update(1),
        )
    if len(models) > 1:
        sizes = sorted((model.num_reg_images() for model in models.values()), reverse=True)
        log.info("the photos fall into %d models of %s views; the largest is taken", len(models), sizes)
    return max(models.values(), key=lambda model: rank(photos, model), default=None)


def mapper_options(patient: bool, seed: int) -> pycolmap.IncrementalPipelineOptions:
    """COLMAP's defaults but for a shorter search for the first pair and an earlier end of bundle adjustment.

    Searching for a first pair at COLMAP's 16 degrees takes longer than all else where the camera only moves
    before the scene (spinnerf-1: minutes; 1.5 s at 8 degrees and 20 trials), because no pair has them.
    """
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = seed
    options.num_threads = threads()
    options.min_model_size = FEWEST_VIEWS
    options.max_num_models = 5
    options.init_num_trials = 20
    options.mapper.init_min_tri_angle = 4.0 if patient else 8.0
    options.ba_local_function_tolerance, options.ba_global_function_tolerance = 1e-4, 1e-5
    options.ba_global_frames_ratio = options.ba_global_points_ratio = 1.3
    options.ba_global_max_refinements = 2
    if patient:
        options.min_num_matches = 10
        options.mapper.init_min_num_inliers = 50
        options.mapper.abs_pose_min_num_inliers = 15
        options.mapper.abs_pose_min_inlier_ratio = 0.15
    return options


def registered(photos: PhotoSet, model: pycolmap.Reconstruction | None) -> list[int]:
    """Numbers of the photos whose pose a model knows."""
    if model is None:
        return []
    return sorted(photo_number(model.images[image_id].name) for image_id in model.reg_image_ids())


def rank(photos: PhotoSet, model: pycolmap.Reconstruction | None) -> tuple[int, int, int]:
    """Order of merit: training photos, all photos, points."""
    views = registered(photos, model)
    train = sum(photos.photos[number].split == "train" for number in views)
    return train, len(views), model.num_points3D() if model else 0


def check_registered(photos: PhotoSet, model: pycolmap.Reconstruction | None, settings: SfmSettings) -> None:
    """Refuse a reconstruction of too few training photos."""
    count, total = rank(photos, model)[0], len(photos.split("train"))
    if count >= max(FEWEST_VIEWS, settings.min_registered * total):
        return
    raise UserError(
        f"Only {count} of {total} photos could be joined into one reconstruction; it helps when photos are "
        "sharp, overlap their neighbours by two thirds, are taken from different positions and show texture "
        f"on things that stand still (sfm.min_registered asks for {settings.min_registered:.0%} of them)."
    )
