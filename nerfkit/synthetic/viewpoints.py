"""Where the cameras of a set stand: camera-to-world poses (4, 4), OpenGL axes (x right, y up, z backward)."""

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.synthetic.description import CameraSet, Film


def look_at(eye: np.ndarray, target: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """The pose of a camera at `eye` with `target` in its middle, turned by `roll` degrees about that axis."""
    backward = eye - target
    backward = backward / np.linalg.norm(backward)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(backward, right), backward], axis=1)
    pose[:3, :3] = pose[:3, :3] @ Rotation.from_euler("z", roll, degrees=True).as_matrix()
    pose[:3, 3] = eye
    return pose


def lens(cameras: CameraSet, film: Film) -> Camera:
    """The pinhole lens of a set on a film."""
    focal = cameras.focal * film.width
    return Camera(film.width, film.height, focal, focal, film.width / 2, film.height / 2)


def poses(cameras: CameraSet, seed: int) -> list[np.ndarray]:
    """The poses of a set, always the same for a seed.

    Raises:
        UserError: an arrangement that there is not.
    """
    rng = np.random.default_rng([seed, *cameras.name.encode()])
    if cameras.arrangement not in ARRANGEMENTS:
        known = ", ".join(ARRANGEMENTS)
        raise UserError(
            f"Camera set {cameras.name}: no arrangement {cameras.arrangement}; there are {known}."
        )
    azimuth, elevation, radius = ARRANGEMENTS[cameras.arrangement](cameras, rng)
    azimuth, elevation = np.radians(azimuth), np.radians(elevation)
    direction = np.stack(
        [np.cos(elevation) * np.sin(azimuth), -np.cos(elevation) * np.cos(azimuth), np.sin(elevation)], axis=1
    )
    eyes = np.array(cameras.target) + radius[:, None] * direction
    aims = np.array(cameras.target) + cameras.aim_jitter * rng.standard_normal((cameras.count, 3))
    rolls = cameras.roll * rng.standard_normal(cameras.count)
    return [look_at(eye, aim, roll) for eye, aim, roll in zip(eyes, aims, rolls, strict=True)]


def _rows(cameras: CameraSet, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Azimuth, elevation (degrees) and radius of every camera, row by row."""
    azimuths, elevations = [], []
    low, high = cameras.azimuth
    shares = np.array_split(np.arange(cameras.count), len(cameras.elevations))
    for elevation, share in zip(cameras.elevations, shares, strict=True):
        spacing = (high - low) / max(len(share), 1)
        even = low + spacing * (np.arange(len(share)) + 0.5)
        azimuths.append(even + cameras.jitter * spacing * rng.uniform(-1, 1, len(share)))
        elevations.append(elevation + 6 * cameras.jitter * rng.uniform(-1, 1, len(share)))
    return np.concatenate(azimuths), np.concatenate(elevations), rng.uniform(*cameras.radius, cameras.count)


def _scatter(cameras: CameraSet, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Azimuth, elevation (degrees) and radius from a scrambled Halton sequence."""
    spread = qmc.Halton(3, rng=rng).random(cameras.count)
    lows = [cameras.azimuth[0], min(cameras.elevations), cameras.radius[0]]
    highs = [cameras.azimuth[1], max(cameras.elevations), cameras.radius[1]]
    azimuth, elevation, radius = (np.array(lows) + spread * np.subtract(highs, lows)).T
    return azimuth, elevation, radius


ARRANGEMENTS = {"rows": _rows, "scatter": _scatter}
