"""The object rendered for CLIP: square crops from between the training cameras, on changing backgrounds."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from nerfkit.errors import UserError
from nerfkit.extraction.clip import ClipLoss
from nerfkit.extraction.viewpoints import pose_between, square_camera
from nerfkit.fields.object_field import ObjectField
from nerfkit.object_rendering import PartRendering
from nerfkit.rays import Rays, view_rays

BACKGROUNDS = ("black", "white", "noise", "checks")
JITTER, ZOOM = 0.05, (0.85, 1.1)  # of the cube's side; of the focal length that shows all of it


def background(kind: str, size: int, generator: torch.Generator) -> Tensor:
    """One background (size * size, 3): a colour, grey noise, or a blurred chequerboard of two colours."""
    if kind in ("black", "white"):
        return torch.full((size * size, 3), float(kind == "white"))
    if kind == "noise":
        return torch.rand(size * size, 3, generator=generator)
    count = int(torch.randint(4, 12, (1,), generator=generator))
    board = (torch.arange(count)[:, None] + torch.arange(count)) % 2
    colours = torch.rand(2, 3, generator=generator)
    tiles = interpolate(colours[board].permute(2, 0, 1)[None], (size, size), mode="nearest")
    width = 2 * (size // 16) + 1
    return avg_pool2d(tiles, width, 1, width // 2, count_include_pad=False)[0].permute(1, 2, 0).reshape(-1, 3)


@dataclass(frozen=True)
class TextLoss:
    """The CLIP loss of one render of the object.

    Attributes:
        poses: (V, 4, 4) of the training cameras; no test camera is ever asked.
        near, far: z-depths of the scene.
        size: pixels a side of the render, before it is brought to the network's size.
    """

    loss: ClipLoss
    poses: np.ndarray
    near: float
    far: float
    size: int

    def rays(self, field: ObjectField, generator: torch.Generator) -> Rays:
        """The rays of one crop."""
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        pose = pose_between(self.poses, field.box, rng, JITTER)
        camera = square_camera(pose, field.box, self.size, rng.uniform(*ZOOM))
        return view_rays(camera, pose, self.near, self.far)

    def picture(self, rendering: PartRendering, generator: torch.Generator) -> Tensor:
        """A rendering (size * size rays) on one background by chance, (1, 3, size, size)."""
        kind = BACKGROUNDS[int(torch.randint(len(BACKGROUNDS), (1,), generator=generator))]
        picture = rendering.over(background(kind, self.size, generator))
        return picture.reshape(1, self.size, self.size, 3).permute(0, 3, 1, 2)

    def __call__(self, field: ObjectField, generator: torch.Generator) -> Tensor:
        """1 - similarity, a scalar."""
        return self.loss(self.picture(field.trace_object(self.rays(field, generator), generator), generator))


def weighted_prompts(prompts: list[dict], texts: list[str]) -> list[tuple[str, float]]:
    """What the settings ask for or, without any, the objects' own texts.

    Args:
        prompts: text and weight of each.
        texts: of the objects in prompts.json.
    Raises:
        UserError: there is neither, or every weight is 0.
    """
    chosen = [(each["text"], float(each["weight"])) for each in prompts] or [(text, 1.0) for text in texts]
    if not any(weight for _, weight in chosen):
        raise UserError(
            "object_field.clip_weight is above 0 but nothing says what the object is: give its `text` in "
            "prompts.json, list object_field.prompts, or set clip_weight to 0."
        )
    return chosen
