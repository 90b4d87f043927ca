"""A prepared capture: views with poses, lenses, bounds and photos, in scene units.

On disk (`transforms.json`, nerfstudio schema) poses are camera-to-world with OpenGL axes in the frame of
the reconstruction. Here they are `world_from_cam` with OpenCV axes in *scene units*: the file's
`scene_from_world` puts the median point at the origin and the median distance from a camera to a point at
2, so that the middle of what the cameras look at lies in the cube [-1, 1]^3, the field's uncontracted part.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.files import read_image, read_json, read_opacity

OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
BLOWN = 0.9  # of the range, from which on a photo's pixels lead over to white whatever its exposure
LENS_KEYS = {"w": "width", "h": "height", "fl_x": "fx", "fl_y": "fy"}


@dataclass(frozen=True)
class View:
    """One posed photo.

    `near` and `far` are z-depths in scene units; `path` is the prepared photo; `gain` is how much brighter
    it was taken than the place is shown, in red, green and blue.
    """

    name: str
    split: str
    camera: Camera
    world_from_cam: np.ndarray  # (4, 4) float64, OpenCV axes, scene units
    near: float
    far: float
    path: Path
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def image(self) -> np.ndarray:
        """The photo with the exposure that all views share, uint8 RGB (H, W, 3)."""
        return self.equalised(read_image(self.path))

    def opacity(self) -> np.ndarray | None:
        """How opaque the photo is, uint8 (H, W); None if all of it is."""
        return read_opacity(self.path)

    def equalised(self, photo: np.ndarray) -> np.ndarray:
        """Any picture taken or made with this photo's exposure, with the shared one; uint8 RGB (H, W, 3).

        What is blown out stays white: nobody knows how bright it was.
        """
        if self.gain == (1.0, 1.0, 1.0):
            return photo
        shown = photo / np.float32(255)
        blown = np.clip((shown - BLOWN) / (1 - BLOWN), 0, 1)
        even = shown / np.array(self.gain, np.float32)
        return (np.clip(even + blown * (shown - even), 0, 1) * 255 + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Scene:
    """The views of one capture and the similarity between its two frames."""

    views: list[View]
    scene_from_world: np.ndarray  # (4, 4): scale * rotation and translation

    @property
    def scale(self) -> float:
        """Scene units per unit of the reconstruction."""
        return float(np.linalg.norm(self.scene_from_world[:3, 0]))

    def split(self, name: str) -> list[View]:
        """The views of one split, `train` or `test`, sorted by name."""
        return sorted((v for v in self.views if v.split == name), key=lambda v: v.name)

    @property
    def train(self) -> list[View]:
        """The views that later stages learn from."""
        return self.split("train")

    @property
    def nearest(self) -> float:
        """The z-depth, scene units, whose normalised disparity is 1: the smallest near bound of training."""
        return min(view.near for view in self.train)


def lens_from_frame(frame: dict, shared: dict) -> Camera:
    """The lens of one frame of a transforms.json; a frame's own keys go before the file's."""
    keys = ("w", "h", "fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "p2")
    values = {LENS_KEYS.get(k, k): frame.get(k, shared.get(k, 0.0)) for k in keys}
    return Camera(**{**values, "width": int(values["width"]), "height": int(values["height"])})


def scene_pose(transform: np.ndarray, scene_from_world: np.ndarray) -> np.ndarray:
    """Camera-to-world (4, 4), OpenGL axes, reconstruction frame, to `world_from_cam` of a Scene."""
    pose = scene_from_world @ np.asarray(transform, float) @ OPENCV_FROM_OPENGL
    pose[:3, :3] /= np.linalg.norm(pose[:3, 0])
    return pose


def read_scene(transforms: Path, photos: Path) -> Scene:
    """Read what the sfm stage wrote.

    Args:
        transforms: the stage's `transforms.json`.
        photos: folder of the photos stage; a frame's `file_path` is relative to it.
    """
    data = read_json(transforms)
    scene_from_world = np.array(data["scene_from_world"], float)
    scale = float(np.linalg.norm(scene_from_world[:3, 0]))
    views = [
        View(
            name=Path(frame["file_path"]).stem,
            split=frame["split"],
            camera=lens_from_frame(frame, data),
            world_from_cam=scene_pose(frame["transform_matrix"], scene_from_world),
            near=frame["near"] * scale,
            far=frame["far"] * scale,
            path=photos / frame["file_path"],
            gain=tuple(frame.get("gain", (1.0, 1.0, 1.0))),
        )
        for frame in data["frames"]
    ]
    if not any(view.split == "train" for view in views):
        raise UserError(f"{transforms} lists no training view; rerun the sfm stage.")
    return Scene(views, scene_from_world)
