"""Objectness beside a frozen scene field: a small hash grid of its own, integrated with the field's weights.

SPIn-NeRF detaches the weights of its objectness logit but lets it share the density's layers, so that labels
still move the geometry. A grid of its own cannot, and trains in seconds.
"""

import torch
from torch import Tensor, nn

from nerfkit.fields.hash_field import TABLE_INIT, choose_kernel
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.reference import contract
from nerfkit.object_rendering import FAR_LOGIT
from nerfkit.rays import Rays
from nerfkit.rendering import Field, Rendering

WEIGHT_MIN = 1e-3  # samples below it change no label, and most samples are


class ObjectnessGrid(nn.Module):
    """A scene field whose `objectness` comes from a grid of its own, all that is trained here."""

    def __init__(self, scene_field: Field, layout: HashLayout) -> None:
        super().__init__()
        self.scene_field = scene_field.requires_grad_(False).eval()
        self.layout = layout
        self.kernel = choose_kernel("auto")
        self.table = nn.Parameter(torch.empty(layout.rows, layout.features).uniform_(-TABLE_INIT, TABLE_INIT))
        self.logit = nn.Linear(layout.width, 1)

    def trace(
        self, rays: Rays, generator: torch.Generator | None = None, live: Tensor | None = None
    ) -> Rendering:
        """See rendering.Field: the scene field's rendering with this grid's logit."""
        with torch.no_grad():
            scene = self.scene_field.trace(rays, generator)
        return self.labelled(scene, rays)

    def score(self, points: Tensor) -> Tensor:
        """The objectness score s (N,) at points (N, 3) in scene units."""
        return self.logit(self.kernel.encode(self.table, contract(points), self.layout))[:, 0]

    def labelled(self, scene: Rendering, rays: Rays) -> Rendering:
        """A rendering of the scene with this grid's score, composited with its detached weights."""
        weights, accumulation = scene.weights.detach().clone(), scene.accumulation.detach()
        weights[:, -1] -= 1 - accumulation  # the last sample absorbs what really passed
        chosen = (weights > WEIGHT_MIN).nonzero()
        ray, sample = chosen.unbind(1)
        middle = 0.5 * (scene.edges[ray, sample] + scene.edges[ray, sample + 1])
        points = rays.origins[ray] + rays.directions[ray] * middle[:, None]
        logits = self.score(points)
        background = FAR_LOGIT * (1 - accumulation)
        objectness = background.index_add(0, ray, weights[ray, sample] * logits)
        return Rendering(**{**vars(scene), "objectness": objectness})

    def parameter_groups(self, settings) -> list[dict]:
        """Parameters with their learning rates, for Adam."""
        return [
            {"params": [self.table], "rate": settings.table_rate},
            {"params": list(self.logit.parameters()), "rate": settings.net_rate},
        ]
