"""Poses and lenses that the user brings, and points triangulated with them held fixed.

The file is a `transforms.json` in the schema of nerfstudio and instant-ngp: camera-to-world matrices with
OpenGL axes, lens keys for all frames or of each. It may list frames that are not there, and leave photos out.
"""

import logging
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pycolmap

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.files import read_json
from nerfkit.photos import FEWEST_VIEWS, Photo, PhotoSet
from nerfkit.scene import OPENCV_FROM_OPENGL
from nerfkit.sfm.features import (
    PEAK_THRESHOLD,
    Lens,
    extract,
    link_photos,
    match,
    photo_number,
    threads,
)
from nerfkit.sfm.model import opencv_parameters
from nerfkit.sfm.pairs import choose_pairs
from nerfkit.sfm.settings import SfmSettings

log = logging.getLogger("nerfkit")

LENS_MODELS = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV")
ROTATION_TOLERANCE = 1e-2  # of an entry of R^T R; text files keep few digits
ASPECT_TOLERANCE = 1e-2


def triangulate_provided(
    path: Path, photos: PhotoSet, work: Path, settings: SfmSettings
) -> tuple[pycolmap.Reconstruction, list[dict]]:
    """Points of the photos that have a pose in `path`, in pixels of the large copies; poses as given.

    Raises:
        UserError: the file is not valid, or its poses do not fit the photos.
    """
    posed = read_provided(path, photos)
    numbers = sorted(posed)
    link_photos(photos, numbers, work / "images")
    groups = defaultdict(list)
    for number in numbers:
        lens = posed[number][0].resized(*photos.photos[number].large_size)
        groups[Lens("OPENCV", tuple(opencv_parameters(lens)))].append(number)
    database = work / "database.db"
    extract(database, work / "images", list(groups.items()), settings.features, PEAK_THRESHOLD)
    match(database, choose_pairs(database, photos, numbers, settings), settings.seed)
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = options.triangulation.random_seed = settings.seed
    options.num_threads = threads()
    (work / "model").mkdir()
    model = pycolmap.triangulate_points(
        posed_reconstruction(database, {n: pose for n, (_, pose) in posed.items()}),
        database,
        work / "images",
        work / "model",
        options=options,
    )
    if model.num_points3D() < settings.min_points:
        raise UserError(
            f"{path}: only {model.num_points3D()} points of the photos agree with its poses and lenses; "
            "check that they belong to these photos and have OpenGL axes (z backward), or set poses to sfm."
        )
    return model, [{"attempt": "provided poses", "views": len(numbers), "points": model.num_points3D()}]


def posed_reconstruction(database: Path, poses: dict[int, np.ndarray]) -> pycolmap.Reconstruction:
    """A reconstruction without points: the database's cameras and images at the given world_from_cam."""
    reconstruction = pycolmap.Reconstruction()
    with pycolmap.Database.open(database) as opened:
        for camera in opened.read_all_cameras():
            reconstruction.add_camera_with_trivial_rig(camera)
        for image in opened.read_all_images():
            cam_from_world = np.linalg.inv(poses[photo_number(image.name)])
            bare = pycolmap.Image(name=image.name, camera_id=image.camera_id, image_id=image.image_id)
            reconstruction.add_image_with_trivial_frame(bare, pycolmap.Rigid3d(cam_from_world[:3]))
    return reconstruction


def read_provided(path: Path, photos: PhotoSet) -> dict[int, tuple[Camera, np.ndarray]]:
    """Lens (at the size the file states) and world_from_cam (4, 4), OpenCV axes, by photo number."""
    data = read_json(path)
    frames = data.get("frames") if isinstance(data, dict) else None
    if not isinstance(frames, list) or not frames:
        raise UserError(
            f"{path} has no list `frames`; it must follow the schema of nerfstudio's transforms.json."
        )
    posed, absent = {}, 0
    for frame in frames:
        number = find_photo(path, frame, photos)
        if number is None:
            absent += 1
        elif number in posed:
            raise UserError(f"{path} lists {frame['file_path']} twice; keep one of the frames.")
        else:
            lens = provided_lens(path, frame, data, photos.photos[number])
            posed[number] = lens, provided_pose(path, frame)
    train = sum(photos.photos[number].split == "train" for number in posed)
    log.info("%s: poses for %d photos, %d frames without a photo", path, len(posed), absent)
    if train < FEWEST_VIEWS:
        raise UserError(
            f"{path} has poses for {train} of the {len(photos.split('train'))} photos, at least "
            f"{FEWEST_VIEWS} are needed; each file_path must end in the photo's name."
        )
    return posed


def find_photo(path: Path, frame: dict, photos: PhotoSet) -> int | None:
    """Number of a frame's photo, by name with or without suffix.

    Where a training and a test photo share it, the frame's folder or split decides.
    """
    if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
        raise UserError(f"{path} has a frame without file_path; every frame needs it.")
    file = Path(frame["file_path"])
    test = frame.get("split", "train") != "train" or "test" in file.parts[:-1]
    found = [n for n, photo in enumerate(photos.photos) if photo.name in (file.stem, file.name)]
    found.sort(key=lambda n: (photos.photos[n].split == "test") != test)
    return found[0] if found else None


def provided_pose(path: Path, frame: dict) -> np.ndarray:
    """A frame's world_from_cam (4, 4), OpenCV axes; its rotation made exact."""
    where = f"{path}: transform_matrix of {frame['file_path']}"
    try:
        matrix = np.array(frame.get("transform_matrix"), float)
    except (TypeError, ValueError):
        raise UserError(f"{where} is not a matrix of numbers.") from None
    if matrix.shape not in ((3, 4), (4, 4)):
        raise UserError(f"{where} is {'x'.join(map(str, matrix.shape)) or 'missing'}; it must be 3x4 or 4x4.")
    rotation = matrix[:3, :3]
    if not np.isfinite(matrix).all():
        raise UserError(f"{where} has entries that are no finite numbers.")
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        raise UserError(
            f"{where} does not hold a rotation; its first three columns must be orthonormal, unscaled."
        )
    u, _, vt = np.linalg.svd(rotation)
    pose = np.eye(4)
    pose[:3] = np.column_stack([u @ vt, matrix[:3, 3]])
    return pose @ OPENCV_FROM_OPENGL


def provided_lens(path: Path, frame: dict, shared: dict, photo: Photo) -> Camera:
    """A frame's lens; keys of the frame go before those of the file."""
    where = f"{path}: {frame['file_path']}"
    values = {**shared, **frame}
    model = values.get("camera_model", "OPENCV")
    if model not in LENS_MODELS or any(number(where, values, key, 0.0) != 0 for key in ("k3", "k4")):
        raise UserError(
            f"{where} has a lens of model {model} with k3 or k4 or a fisheye; only k1, k2, p1, p2 are known."
        )
    width, height = (
        number(where, values, key, size) for key, size in zip("wh", photo.upright_size, strict=True)
    )
    check_aspect(where, width, height, photo)
    fx = focal_length(where, values, "fl_x", "camera_angle_x", width)
    fy = focal_length(where, values, "fl_y", "camera_angle_y", height) or fx
    if not fx:
        raise UserError(f"{where} has no focal length; give fl_x in pixels or camera_angle_x in radians.")
    centre = number(where, values, "cx", width / 2), number(where, values, "cy", height / 2)
    distortion = [number(where, values, key, 0.0) for key in ("k1", "k2", "p1", "p2")]
    return Camera(round(width), round(height), fx, fy, *centre, *distortion)


def focal_length(where: str, values: dict, key: str, angle_key: str, size: float) -> float:
    """Focal length in pixels from its own key or from the field of view, 0 where neither is given."""
    focal, angle = number(where, values, key, 0.0), number(where, values, angle_key, 0.0)
    if focal < 0 or not 0 <= angle < math.pi:
        raise UserError(
            f"{where} has {key} {focal} and {angle_key} {angle}; pixels above 0, radians below pi."
        )
    return focal or (size / 2 / math.tan(angle / 2) if angle else 0.0)


def check_aspect(where: str, width: float, height: float, photo: Photo) -> None:
    """Refuse a lens of another shape than the photo."""
    true_width, true_height = photo.upright_size
    if min(width, height) > 0 and abs(width * true_height / (height * true_width) - 1) < ASPECT_TOLERANCE:
        return
    raise UserError(
        f"{where} is {width:g}x{height:g} there, but the upright photo is {true_width}x{true_height}; "
        "w and h must have the photo's shape."
    )


def number(where: str, values: dict, key: str, default: float) -> float:
    """A finite number of a frame or of the file."""
    value = values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{where}: {key} is {value!r}; it must be a finite number.")
    return float(value)
