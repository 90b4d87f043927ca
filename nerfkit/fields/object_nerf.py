"""The scene without the object and with nothing in its place: SPIn-NeRF's baseline Object NeRF.

Its Table 2 deletes the points of the object in space: the density is dropped where the objectness is above
one half (with a share of 1 - p instead, LaTeRF's complement, a ghost of the object would stay). Nothing is
trained and nothing filled, so that what the object hid from every photo is whatever the field holds there.
"""

import torch
from torch import Tensor

from nerfkit.fields.mlp_field import even_in_disparity, resample
from nerfkit.fields.object_field import ObjectField, Samples
from nerfkit.object_rendering import part_weights
from nerfkit.rays import Rays
from nerfkit.rendering import Rendering, composite, expected_depth

EVEN, DRAWN = 96, 64  # samples of a ray: spread evenly in disparity, and drawn where those found matter


class ObjectNerf:
    """An object field that is rendered without its object; see rendering.Field for what `trace` gives.

    The scene field looks where its own surfaces are, most of all at the object's, which is not there any
    more; so what to look at is found anew.
    """

    def __init__(self, field: ObjectField) -> None:
        self.field = field

    @torch.no_grad()
    def trace(
        self, rays: Rays, generator: torch.Generator | None = None, live: Tensor | None = None
    ) -> Rendering:
        """Render rays; there is nothing to train, so neither `generator` nor `live` has a meaning."""
        edges = self.sample_edges(rays)
        seen = self.field.look(rays, edges)
        weights = rest_weights(seen)
        accumulation = weights.sum(1)
        weights[:, -1] += 1 - accumulation  # the last sample absorbs what is left, as in every field
        rgb = self.field.scene_field.shade(torch.einsum("rk,rkc->rc", weights, seen.columns), rays.directions)
        return Rendering(
            rgb=rgb,
            diffuse=rgb,
            depth=expected_depth(weights, edges, rays.cosines),
            accumulation=accumulation,
            weights=weights,
            edges=edges,
            objectness=composite(seen.score, weights),
        )

    def sample_edges(self, rays: Rays) -> Tensor:
        """Where to look along rays, (R, EVEN + DRAWN + 1)."""
        even = even_in_disparity(rays, torch.linspace(0, 1, EVEN + 1))
        drawn = resample(even, rest_weights(self.field.look(rays, even)), DRAWN, None)
        return torch.cat([even, drawn], dim=1).sort(dim=1).values


def rest_weights(seen: Samples) -> Tensor:
    """Weights (R, K) of what is no object."""
    return part_weights(seen.density, (seen.score <= 0).float(), seen.delta)
