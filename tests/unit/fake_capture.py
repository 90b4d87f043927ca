"""A made scene and fields of a closed form, for what renders, films and draws without training anything."""

from types import SimpleNamespace

import numpy as np
import torch

from nerfkit.files import write_image, write_json
from nerfkit.rendering import Rendering


class StripedWall:
    """A field whose view is known: colours by direction, a wall at one z-depth."""

    def __init__(self, tint, depth):
        self.tint = torch.tensor(tint, dtype=torch.float32)
        self.depth = depth

    def trace(self, rays, generator=None, live=None):
        stripes = 0.5 + 0.5 * torch.sin(40 * rays.directions[:, :1])
        rgb = stripes * self.tint
        depth = self.depth + rays.directions[:, 1]
        return Rendering(rgb, rgb, depth, torch.ones(len(rays)), torch.empty(0), torch.empty(0))


def pose(angle, height=0.5):
    """Camera-to-world, OpenGL axes, at distance 2 from the origin and looking at it."""
    centre = np.array([2 * np.cos(angle), 2 * np.sin(angle), height])
    back = centre / np.linalg.norm(centre)
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = centre
    return matrix


def write_capture(root, train=6, test=2, width=48, height=36):
    """Photos and transforms.json of a made capture; returns their paths."""
    rng = np.random.default_rng(0)
    frames = []
    for split, count, folder in (("train", train, "images"), ("test", test, "test")):
        (root / "photos" / folder).mkdir(parents=True)
        for k in range(count):
            name = f"{split}_{k:02d}"
            write_image(
                root / "photos" / folder / f"{name}.png", rng.integers(0, 255, (height, width, 3), np.uint8)
            )
            matrix = pose(0.15 * k + (0.07 if split == "test" else 0)).tolist()
            frame = {"file_path": f"{folder}/{name}.png", "transform_matrix": matrix}
            frames.append(frame | {"split": split, "near": 0.5, "far": 6.0})
    lens = {
        "w": width,
        "h": height,
        "fl_x": 50.0,
        "fl_y": 50.0,
        "cx": width / 2,
        "cy": height / 2,
        "k1": 0.02,
    }
    transforms = root / "transforms.json"
    write_json(
        transforms, {**lens, "frames": frames, "scene_from_world": np.eye(4).tolist(), "unregistered": []}
    )
    return SimpleNamespace(transforms=transforms, photos=root / "photos")
