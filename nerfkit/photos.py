"""The photos stage: whatever the user put into the scene folder becomes upright photos of one width.

Two copies of each photo are written. `images/` and `test/` hold the prepared photos, which every later
stage sees. `large/` holds upright copies that only SfM reads: at 504 pixels it loses a quarter of the views
of a sparse capture (kitchen: 18 of 25 register, 24 at 1000 pixels).

Sizes are (width, height) in pixels. Pixel coordinates have (0, 0) at the top-left corner of the image and
(0.5, 0.5) at the centre of its first pixel. A file's *stored* pixels are those before its EXIF rotation.
"""

import logging
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.files import (
    cutout,
    open_upright,
    over_white,
    read_image,
    read_json,
    read_mask,
    stage_folder,
    write_image,
    write_manifest,
)
from nerfkit.frames import sharp_frames
from nerfkit.sizes import fitted_size, resize, square_pixel_size

log = logging.getLogger("nerfkit")

FEWEST_VIEWS = 3
FOLDERS = {"train": "images", "test": "test"}


@dataclass(frozen=True)
class PhotosSettings:
    """How the photos are prepared."""

    width: int = (
        504  # long side of a prepared photo in pixels, so the width of a landscape one; never enlarged
    )
    large: int = 1000  # long side in pixels of the copies that SfM reads; never enlarged
    frames: int = 60  # how many frames to take from a video
    outside: str = (
        "keep"  # of the user's masks: keep | black (LaTeRF's baseline Mask+NeRF; SfM sees the photos)
    )


@dataclass(frozen=True)
class Origin:
    """Where a photo comes from: the file, or the video, as the user gave it."""

    name: str  # the file's stem, by which every later stage knows the photo
    split: str  # train or test
    original: str  # file name
    stored_size: tuple[int, int]
    orientation: int  # EXIF, 1 to 8

    @property
    def upright_size(self) -> tuple[int, int]:
        """The original's size after its EXIF rotation."""
        return self.stored_size if self.orientation < 5 else self.stored_size[::-1]


@dataclass(frozen=True)
class Photo(Origin):
    """One prepared photo. Both files are relative to the photos folder."""

    file: str
    size: tuple[int, int]
    large: str
    large_size: tuple[int, int]

    def from_stored(self, xy: np.ndarray) -> np.ndarray:
        """Pixel coordinates (N, 2) of the file as it was stored to those of the prepared photo, float64."""
        return upright(xy, self.stored_size, self.orientation) * np.divide(self.size, self.upright_size)


@dataclass(frozen=True)
class PhotoSet:
    """What the photos stage wrote, in capture order: training photos, then test photos."""

    folder: Path
    source: str  # `photos` or `video`
    photos: list[Photo]

    def split(self, name: str) -> list[Photo]:
        """The photos of one split, `train` or `test`, in capture order."""
        return [photo for photo in self.photos if photo.split == name]


def photos(
    images: list[Path],
    video: Path | None,
    test_images: list[Path],
    out: Path,
    settings: PhotosSettings,
    masks: list[Path] | None = None,
) -> None:
    """Prepare a capture: upright, downscaled by area averaging, PNG, stems kept.

    Args:
        images: the training photos; empty when there is a video.
        video: a video file instead of photos.
        test_images: photos of the place without the object.
        masks: the user's masks by stem, of those training photos that are painted black outside of them.
        out: the stage's folder: `images/`, `test/`, `large/`, `photos.json`.

    Raises:
        UserError: nothing to prepare, fewer than three views, two files of one stem, files that are no images
            (all of them are named).
    """
    check_sources(images, video, test_images)
    by_stem = {path.stem: path for path in masks or []}
    with stage_folder(out) as folder:
        train = (
            prepare_frames(video, folder, settings)
            if video
            else prepare_all(images, "train", folder, settings)
        )
        check_count(len(train), video)
        if settings.outside == "black":
            blacken(train, by_stem, folder)
        prepared = train + prepare_all(test_images, "test", folder, settings)
        log.info("prepared %d training and %d test photos", len(train), len(prepared) - len(train))
        records = [asdict(photo) for photo in prepared]
        write_manifest(folder, "photos", source="video" if video else "photos", photos=records)


def blacken(prepared: list[Photo], masks: dict[str, Path], folder: Path) -> None:
    """Paint the prepared photos black outside of their masks; the large copies stay.

    Raises:
        UserError: a photo without a mask.
    """
    missing = [photo.original for photo in prepared if photo.name not in masks]
    if missing:
        raise UserError(
            f"photos.outside is black, but masks/ has no mask of {', '.join(missing[:8])}; add them, or set "
            "photos.outside to keep."
        )
    for photo in prepared:
        image = read_image(folder / photo.file)
        mask = resize(read_mask(masks[photo.name]).astype(np.uint8) * 255, photo.size) > 127
        write_image(folder / photo.file, image * mask[..., None])


def read_photos(folder: Path) -> PhotoSet:
    """Read the manifest of a photos folder."""
    data = read_json(folder / "photos.json")
    records = [{k: tuple(v) if isinstance(v, list) else v for k, v in r.items()} for r in data["photos"]]
    return PhotoSet(folder, data["source"], [Photo(**record) for record in records])


def check_sources(images: list[Path], video: Path | None, test_images: list[Path]) -> None:
    """Refuse what can be refused before any pixel is read."""
    if video and images:
        raise UserError(
            f"{video.parent} has both a video ({video.name}) and photos in images/; take one of them out."
        )
    if not video:
        check_count(len(images), None)
    for paths in (images, test_images):
        stems = Counter(path.stem for path in paths)
        double = sorted(path.name for path in paths if stems[path.stem] > 1)
        if double:
            raise UserError(
                f"{paths[0].parent} has several files of one name up to the suffix: {', '.join(double)}; "
                "rename or remove all but one, because photos are known by that name."
            )


def check_count(count: int, video: Path | None) -> None:
    """Refuse a capture of fewer than three views."""
    if count >= FEWEST_VIEWS:
        return
    if video:
        raise UserError(
            f"{video} gave {count} frames; at least {FEWEST_VIEWS} are needed: raise photos.frames."
        )
    if count == 0:
        raise UserError(
            "The scene has no photos: put them into its images/ folder (jpg, png, tif, webp or bmp), "
            "or put one video.mp4 beside it."
        )
    raise UserError(
        f"images/ has only {count} photos; a place needs at least {FEWEST_VIEWS} views, and 20 to 60 from "
        "different positions work well."
    )


def prepare_all(paths: list[Path], split: str, folder: Path, settings: PhotosSettings) -> list[Photo]:
    """Prepare photos in natural order of their names; unreadable ones are named together at the end."""
    paths = sorted(paths, key=natural_order)
    results: list[Photo | UserError] = []
    # Decoding and resampling release the interpreter lock; four at once bound the memory at four originals.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        prepared = pool.map(lambda path: prepare_file(path, split, folder, settings), paths)
        results.extend(tqdm(prepared, total=len(paths), desc=f"{split} photos", disable=not paths))
    bad = [error for error in results if isinstance(error, UserError)]
    if len(bad) == 1:
        raise bad[0]
    if bad:
        names = ", ".join(
            path.name for path, r in zip(paths, results, strict=True) if isinstance(r, UserError)
        )
        raise UserError(
            f"{len(bad)} files of {paths[0].parent} cannot be read as images: {names}; "
            "replace them or take them out of the folder."
        )
    return results


def natural_order(path: Path) -> list:
    """Sort key by which `img2` comes before `img10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def prepare_file(path: Path, split: str, folder: Path, settings: PhotosSettings) -> Photo | UserError:
    """Prepare one photo file; the error of an unreadable one is returned, so that all can be named."""
    try:
        picture = open_upright(path)
    except UserError as error:
        return error
    with Image.open(path) as stored:
        size, orientation = stored.size, stored.getexif().get(ExifTags.Base.Orientation, 1)
    orientation = orientation if orientation in range(1, 9) else 1
    origin = Origin(path.stem, split, path.name, size, orientation)
    return prepare(over_white(picture), origin, folder, settings, cutout(picture))


def prepare_frames(video: Path, folder: Path, settings: PhotosSettings) -> list[Photo]:
    """Prepare the sharp frames of a video, one at a time as it yields them.

    A frame's name is its number in the video, so it stays the same whatever the settings; clicks on it are in
    pixels of the upright frame at the video's full size.
    """
    prepared = []
    for number, image in sharp_frames(video, settings.frames):
        size = image.shape[1], image.shape[0]
        origin = Origin(f"frame_{number:06d}", "train", video.name, size, 1)
        prepared.append(prepare(image, origin, folder, settings))
    return prepared


def prepare(
    image: np.ndarray,
    origin: Origin,
    folder: Path,
    settings: PhotosSettings,
    clear: np.ndarray | None = None,
) -> Photo:
    """Write both copies of one upright image (H, W, 3); the small one is made of its cutout `clear`
    (H, W, 4) if it has one."""
    photo = Photo(
        **asdict(origin),
        file=f"{FOLDERS[origin.split]}/{origin.name}.png",
        size=fitted_size(image.shape, settings.width),
        large=f"large/{FOLDERS[origin.split]}/{origin.name}.jpg",
        large_size=square_pixel_size(image, settings.large),
    )
    shown = image if clear is None else clear
    for file, picture, size in ((photo.file, shown, photo.size), (photo.large, image, photo.large_size)):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / file, resize(picture, size))
    return photo


def upright(xy: np.ndarray, stored_size: tuple[int, int], orientation: int) -> np.ndarray:
    """Pixel coordinates (N, 2) of a stored file to those of the image shown upright (EXIF 2.32, tag 274)."""
    x, y = np.asarray(xy, np.float64).reshape(-1, 2).T
    width, height = stored_size
    mirrored_x, mirrored_y = width - x, height - y
    pairs = {
        1: (x, y),
        2: (mirrored_x, y),
        3: (mirrored_x, mirrored_y),
        4: (x, mirrored_y),
        5: (y, x),
        6: (mirrored_y, x),
        7: (mirrored_y, mirrored_x),
        8: (y, mirrored_x),
    }
    return np.stack(pairs[orientation], axis=1)
