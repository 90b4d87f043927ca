"""SIFT keypoints and verified matches, in a COLMAP database.

In the work folder photos are called `000000.jpg`, `000001.jpg`, .. by their place in the PhotoSet: COLMAP's
pair lists break at blanks in names, and a test photo may share the stem of a training photo.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap
from tqdm import tqdm

from nerfkit.photos import PhotoSet

pycolmap.logging.minloglevel = pycolmap.logging.Level.ERROR.value

PEAK_THRESHOLD = 0.02 / 3  # COLMAP's: contrast of the faintest keypoint, brightness from 0 to 1
IMAGE_CHUNK, PAIR_CHUNK = 8, 200  # work between two steps of a progress bar


@dataclass(frozen=True)
class Lens:
    """A COLMAP camera model; `parameters` in its order and pixels of the large copies, empty if unknown."""

    model: str
    parameters: tuple[float, ...] = ()


def threads() -> int:
    """Threads COLMAP may use: what the workflow granted (OMP_NUM_THREADS), else every core."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def file_name(number: int) -> str:
    """Name of a photo in the work folder; names sort in capture order."""
    return f"{number:06d}.jpg"


def photo_number(name: str) -> int:
    """The inverse of `file_name`."""
    return int(Path(name).stem)


def link_photos(photos: PhotoSet, numbers: list[int], images: Path) -> None:
    """Make the folder `images` with links to the large copies of some photos."""
    images.mkdir(parents=True)
    for number in numbers:
        source = photos.folder / photos.photos[number].large
        (images / file_name(number)).symlink_to(source.resolve())


def extract(
    database: Path, images: Path, groups: list[tuple[Lens, list[int]]], features: int, peak_threshold: float
) -> None:
    """Make a database with one camera per group of photos, and the keypoints of all of them.

    Photos are entered before any keypoint is sought, in order: extraction finishes them in an order that
    depends on the threads, and their ids would follow it.
    """
    pycolmap.Database.open(database).close()
    for lens, numbers in groups:
        reader = pycolmap.ImageReaderOptions()
        reader.camera_model = lens.model
        reader.camera_params = ",".join(repr(float(value)) for value in lens.parameters)
        names = [file_name(number) for number in numbers]
        pycolmap.import_images(database, images, pycolmap.CameraMode.SINGLE, names, reader)
    options = pycolmap.FeatureExtractionOptions()
    options.num_threads = threads()
    options.sift.max_num_features = features
    options.sift.peak_threshold = peak_threshold
    names = [file_name(number) for _, numbers in groups for number in numbers]
    for chunk in chunks(names, IMAGE_CHUNK, "keypoints"):
        pycolmap.extract_features(
            database,
            images,
            chunk,
            pycolmap.CameraMode.SINGLE,
            extraction_options=options,
            device=pycolmap.Device.cpu,
        )


def match(database: Path, pairs: list[tuple[int, int]], seed: int) -> None:
    """Match pairs of photos and verify each geometrically. Every pair's RANSAC starts from the seed."""
    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads = threads()
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = seed
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = database.with_suffix(".pairs")
    lines = [f"{file_name(a)} {file_name(b)}\n" for a, b in pairs]
    for chunk in chunks(lines, PAIR_CHUNK, "matching"):
        Path(pairing.match_list_path).write_text("".join(chunk))
        pycolmap.match_image_pairs(database, matching, pairing, verification, pycolmap.Device.cpu)


def chunks(items: list[str], size: int, what: str) -> Iterator[list[str]]:
    """Slices of a list behind a progress bar that counts items."""
    with tqdm(total=len(items), desc=what) as progress:
        for start in range(0, len(items), size):
            yield items[start : start + size]
            progress.update(len(items[start : start + size]))


def coarse_descriptors(database: Path, count: int) -> dict[int, np.ndarray]:
    """By photo number, unit descriptors (count, 128) of the coarsest keypoints, padded with zeros."""
    descriptors = {}
    with pycolmap.Database.open(database) as opened:
        for image in opened.read_all_images():
            keypoints = opened.read_keypoints(image.image_id)
            data = np.asarray(opened.read_descriptors(image.image_id).data, np.float32).reshape(-1, 128)
            scale = np.hypot(keypoints[:, 2], keypoints[:, 4])  # first column of the affine shape
            data = data[np.argsort(-scale, kind="stable")[:count]]
            padded = np.zeros((count, 128), np.float32)
            padded[: len(data)] = data / np.maximum(np.linalg.norm(data, axis=1, keepdims=True), 1e-9)
            descriptors[photo_number(image.name)] = padded
    return descriptors
