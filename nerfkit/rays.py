"""Rays from pixels and poses, made when they are needed: a capture costs 3 bytes a pixel in memory.

A ray is `origin + t * direction` with a unit direction, so t is a distance along the ray in scene units;
`cosine` is the direction's component along the camera's viewing axis: z-depth = t * cosine.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nerfkit.cameras import Camera
from nerfkit.scene import View


@dataclass(frozen=True)
class Rays:
    """R rays. origins, directions: (R, 3); cosines, near, far: (R,), near and far as t. All float32."""

    origins: Tensor
    directions: Tensor
    cosines: Tensor
    near: Tensor
    far: Tensor

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, index: slice | Tensor) -> "Rays":
        return Rays(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def chunks(self, size: int) -> Iterator["Rays"]:
        """The rays in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    @staticmethod
    def cat(parts: list["Rays"]) -> "Rays":
        """One batch of several."""
        names = Rays.__dataclass_fields__
        return Rays(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def camera_directions(camera: Camera, xy: np.ndarray | None = None) -> Tensor:
    """Normalised coordinates (N, 2) float32 of pixel coordinates `xy`, by default of all pixel centres."""
    return torch.from_numpy(camera.unproject(camera.pixel_centres() if xy is None else xy)).float()


def make_rays(coordinates: Tensor, world_from_cam: Tensor, near: Tensor, far: Tensor) -> Rays:
    """Rays through normalised coordinates.

    Args:
        coordinates: (R, 2), normalised camera coordinates.
        world_from_cam: (R, 3, 4) or (3, 4).
        near, far: z-depths, (R,) or scalars.
    """
    local = torch.cat([coordinates, torch.ones_like(coordinates[:, :1])], dim=1)
    cosines = 1 / local.norm(dim=1)
    directions = (world_from_cam[..., :3] @ (local * cosines[:, None])[..., None])[..., 0]
    origins = world_from_cam[..., 3].expand_as(directions)
    return Rays(origins.contiguous(), directions.contiguous(), cosines, near / cosines, far / cosines)


def view_rays(camera: Camera, world_from_cam: np.ndarray, near: float, far: float) -> Rays:
    """The rays of all pixels of one view, row-major."""
    pose = torch.as_tensor(world_from_cam, dtype=torch.float32)[:3]
    bounds = torch.tensor([near, far], dtype=torch.float32)
    return make_rays(camera_directions(camera), pose, bounds[0], bounds[1])


def pixel_starts(views: list[View]) -> np.ndarray:
    """Where the pixels of each view start in one row of all views' pixels, and where they end, (V + 1,)."""
    return np.cumsum([0, *(view.camera.width * view.camera.height for view in views)])


def opacity_of(views: list[View]) -> Tensor | None:
    """How opaque the pixels of all views' photos are, (N,) uint8 in one row; None if all of them are."""
    found = [view.opacity() for view in views]
    if all(opacity is None for opacity in found):
        return None
    opaque = np.repeat(np.uint8(255), pixel_starts(views)[-1])
    for opacity, start in zip(found, pixel_starts(views), strict=False):
        if opacity is not None:
            opaque[start : start + opacity.size] = opacity.reshape(-1)
    return torch.from_numpy(opaque)


class PixelBank:
    """All pixels of some views in one row: colours as uint8, rays on demand.

    A pixel's index counts through the views in order, row-major in each. `opacity` (N,) uint8 is None if
    nothing of any photo is transparent, and so is `shown`, the pixels that are not all transparent.
    """

    def __init__(
        self, views: list[View], images: list[np.ndarray] | None = None, opacity: Tensor | None = None
    ) -> None:
        """`images` and `opacity` are the photos' own unless images are given."""
        self.opacity = opacity_of(views) if images is None else opacity
        self.shown = None if self.opacity is None else self.opacity.nonzero()[:, 0]
        images = [view.image() for view in views] if images is None else images
        self.views = views
        self.rgb = torch.from_numpy(np.concatenate([image.reshape(-1, 3) for image in images]))
        self.sizes = torch.tensor([[view.camera.height, view.camera.width] for view in views])
        self.starts = torch.from_numpy(pixel_starts(views))
        poses = np.stack([view.world_from_cam[:3] for view in views])
        self.poses = torch.from_numpy(poses).float()
        self.bounds = torch.tensor([[view.near, view.far] for view in views], dtype=torch.float32)
        cameras = list(dict.fromkeys(view.camera for view in views))
        tables = [camera_directions(camera) for camera in cameras]
        table_starts = dict(zip(cameras, np.cumsum([0, *map(len, tables)]), strict=False))
        self.coordinates = torch.cat(tables)
        self.shifts = torch.tensor([table_starts[view.camera] for view in views]) - self.starts[:-1]

    def __len__(self) -> int:
        return len(self.rgb)

    def draw(self, count: int, generator: torch.Generator, allowed: Tensor | None = None) -> Tensor:
        """`count` pixel indices with replacement; `allowed` (N,) bool keeps to some of them.

        They are uniform, but every other one of cutouts is of what is shown: the rest is soon learnt.
        """
        index = self.any_pixels(count, generator)
        while allowed is not None and not (kept := allowed[index]).all():
            index[~kept] = self.any_pixels(int((~kept).sum()), generator)
        return index

    def any_pixels(self, count: int, generator: torch.Generator) -> Tensor:
        """As `draw`, of all pixels."""
        index = torch.randint(len(self), (count,), generator=generator)
        if self.shown is not None and len(self.shown):
            half = index[::2]
            half[:] = self.shown[torch.randint(len(self.shown), (len(half),), generator=generator)]
        return index

    def view_of(self, index: Tensor) -> Tensor:
        """The numbers of the views, as `index`, that pixel indices lie in."""
        return torch.bucketize(index, self.starts, right=True) - 1

    def rays(self, index: Tensor) -> Rays:
        """The rays of pixel indices (R,)."""
        view = self.view_of(index)
        coordinates = self.coordinates[index + self.shifts[view]]
        near, far = self.bounds[view].unbind(1)
        return make_rays(coordinates, self.poses[view], near, far)

    def colours(self, index: Tensor) -> Tensor:
        """Colours (R, 3) float32 in [0, 1] of pixel indices."""
        return self.rgb[index].float() / 255

    def clear(self, index: Tensor) -> Tensor | None:
        """How transparent pixel indices (R,) are, (R,) float32 in [0, 1]; None if no pixel is."""
        return None if self.opacity is None else 1 - self.opacity[index].float() / 255
