"""A COLMAP reconstruction at the size of the prepared photos, and its plain arrays.

World axes are those of the reconstruction, cameras have OpenCV axes; pixels are those of the prepared photos
(distorted, centre of the first at 0.5, as in COLMAP).
"""

from dataclasses import dataclass

import numpy as np
import pycolmap

from nerfkit.cameras import Camera
from nerfkit.files import read_opacity
from nerfkit.photos import Photo, PhotoSet
from nerfkit.sfm.features import photo_number

SHOWN = 127  # opacity up to which a pixel of a cutout shows nothing


@dataclass(frozen=True)
class PosedPhoto:
    """One registered photo and its observations: pixel `xy[i]` shows point `point_idx[i]` of the model."""

    photo: Photo
    camera: Camera
    cam_from_world: np.ndarray  # (4, 4)
    xy: np.ndarray  # (N, 2)
    point_idx: np.ndarray  # (N,)
    clear: float = 0.0  # share of the photo that is transparent

    def rays(self, xy: np.ndarray) -> np.ndarray:
        """Rays (N, 3) of pixel coordinates (N, 2), in camera axes at z = 1."""
        return np.concatenate([self.camera.unproject(xy), np.ones((len(xy), 1))], axis=1)

    def in_camera(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) from world to camera axes."""
        return points @ self.cam_from_world[:3, :3].T + self.cam_from_world[:3, 3]

    def in_world(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) from camera axes to the world."""
        return points @ self.cam_from_world[:3, :3] + self.centre

    @property
    def centre(self) -> np.ndarray:
        """The camera's place in the world, (3,)."""
        return -self.cam_from_world[:3, :3].T @ self.cam_from_world[:3, 3]


@dataclass(frozen=True)
class Model:
    """Registered photos in capture order, and the points that at least two training photos see.

    Points that test photos alone vouch for are left out: they may lie where the object hides the background,
    and nothing of the test photos but their poses may reach later stages.
    """

    views: list[PosedPhoto]
    points: np.ndarray  # (M, 3)
    rgb: np.ndarray  # (M, 3) uint8

    @property
    def train(self) -> list[PosedPhoto]:
        """The training views."""
        return [view for view in self.views if view.photo.split == "train"]

    @property
    def test(self) -> list[PosedPhoto]:
        """The test views."""
        return [view for view in self.views if view.photo.split == "test"]


def ray_cosines(points: np.ndarray, first: PosedPhoto, second: PosedPhoto) -> np.ndarray:
    """Cosines (N,) of the angles between two photos' rays to points (N, 3)."""
    a, b = points - first.centre, points - second.centre
    lengths = np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)
    return (a * b).sum(axis=1) / lengths


def fit_to_prepared(reconstruction: pycolmap.Reconstruction, photos: PhotoSet) -> None:
    """Turn a reconstruction of the large copies into one of the prepared photos, in place.

    Names become the files of the photos folder, lenses become OPENCV ones and all pixels are rescaled, x and
    y apart because the prepared sizes are rounded.
    """
    resized = set()
    for image in reconstruction.images.values():
        photo = photos.photos[photo_number(image.name)]
        image.name = photo.file
        scale = np.divide(photo.size, photo.large_size)
        for point in image.points2D:
            point.xy = point.xy * scale
        if image.camera_id not in resized:
            resized.add(image.camera_id)
            camera = reconstruction.cameras[image.camera_id]
            write_lens(camera, read_lens(camera).resized(*photo.size))


def read_lens(camera: pycolmap.Camera) -> Camera:
    """A SIMPLE_RADIAL or OPENCV camera of COLMAP as ours."""
    focal = camera.focal_length_x, camera.focal_length_y
    centre = camera.principal_point_x, camera.principal_point_y
    distortion = camera.params[3:] if camera.model_name == "SIMPLE_RADIAL" else camera.params[4:]
    return Camera(camera.width, camera.height, *focal, *centre, *(float(value) for value in distortion))


def write_lens(camera: pycolmap.Camera, lens: Camera) -> None:
    """Make a COLMAP camera the OPENCV one that equals `lens`."""
    camera.model = pycolmap.CameraModelId.OPENCV
    camera.width, camera.height = lens.width, lens.height
    camera.params = opencv_parameters(lens)


def opencv_parameters(lens: Camera) -> list[float]:
    """Parameters of COLMAP's OPENCV model."""
    return [lens.fx, lens.fy, lens.cx, lens.cy, lens.k1, lens.k2, lens.p1, lens.p2]


def read_model(reconstruction: pycolmap.Reconstruction, photos: PhotoSet) -> Model:
    """The arrays of a reconstruction that went through `fit_to_prepared`, joined with the photos by name.

    What a photo is said to see where it is transparent is a wrong match, and left out.
    """
    images = {image.name: image for image in reconstruction.images.values() if image.has_pose}
    posed = [photo for photo in photos.photos if photo.file in images]
    opacity = [read_opacity(photos.folder / photo.file) for photo in posed]
    observed = [observations(images[p.file], opaque) for p, opaque in zip(posed, opacity, strict=True)]
    seen = [ids for photo, (ids, _) in zip(posed, observed, strict=True) if photo.split == "train"]
    ids, counts = np.unique(np.concatenate([*seen, np.zeros(0, int)]), return_counts=True)
    kept = ids[counts >= 2]
    views = [
        posed_photo(photo, images[photo.file], kept, *own, clear_share(opaque))
        for photo, own, opaque in zip(posed, observed, opacity, strict=True)
    ]
    points = [reconstruction.points3D[int(i)] for i in kept]
    xyz = np.array([point.xyz for point in points]).reshape(-1, 3)
    rgb = np.array([point.color for point in points], np.uint8).reshape(-1, 3)
    return Model(views, xyz, rgb)


def observations(image: pycolmap.Image, opacity: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N,) of the points an image sees, each once, and its pixels (N, 2), where it is opaque."""
    points = image.get_observation_points2D()
    ids = np.array([point.point3D_id for point in points], int)
    xy = np.array([point.xy for point in points], float).reshape(-1, 2)
    if opacity is not None:
        kept = shown(opacity, xy)
        ids, xy = ids[kept], xy[kept]
    ids, first = np.unique(ids, return_index=True)
    return ids, xy[first]


def shown(opacity: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Whether a cutout shows anything at pixel coordinates (N, 2), by its opacity (H, W)."""
    column, row = np.floor(xy).astype(int).T
    return opacity[row.clip(0, len(opacity) - 1), column.clip(0, opacity.shape[1] - 1)] > SHOWN


def clear_share(opacity: np.ndarray | None) -> float:
    """The share of a photo's pixels that show nothing."""
    return 0.0 if opacity is None else float((opacity <= SHOWN).mean())


def posed_photo(
    photo: Photo, image: pycolmap.Image, kept: np.ndarray, ids: np.ndarray, xy: np.ndarray, clear: float
) -> PosedPhoto:
    """One view with those of its observations whose point id is in the sorted `kept`."""
    known = np.isin(ids, kept)
    cam_from_world = np.vstack([image.cam_from_world().matrix(), [0, 0, 0, 1]])
    seen = xy[known], np.searchsorted(kept, ids[known])
    return PosedPhoto(photo, read_lens(image.camera), cam_from_world, *seen, clear)
