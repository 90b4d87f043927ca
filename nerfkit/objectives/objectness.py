"""Labels of pixels as supervision of the objectness logit (SPIn-NeRF's multiview segmentation)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from nerfkit.objectives.parts import Part, trace_parts
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field, Rendering


@dataclass(frozen=True)
class Objectness:
    """Binary cross-entropy between the integrated logit and the masks.

    The sigmoid is taken after the integral along the ray, and the integral's weights are detached.

    Attributes:
        labels: (N,) bool over the bank's pixels.
        weights: (N,) of each pixel's cross-entropy.
        near_object: indices of the pixels of the object and around it; half of a step's rays are drawn from
            them, or none where it is None (the paper's uniform sampling).
        photometric: the photos' own objective, for a field that learns both at once.
    """

    pixels: PixelBank
    labels: Tensor
    weights: Tensor
    near_object: Tensor | None = None
    photometric: Photometric | None = None

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Pixel indices of one step."""
        if self.near_object is None or len(self.near_object) == 0:
            return self.pixels.draw(count, generator)
        chosen = torch.randint(len(self.near_object), (count // 2,), generator=generator)
        return torch.cat([self.near_object[chosen], self.pixels.draw(count - count // 2, generator)])

    def __call__(
        self, field: Field, count: int, done: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The terms of one step."""
        index = self.draw(count, generator)
        labels, weights = self.labels[index].float(), self.weights[index]

        def label_error(rendering: Rendering) -> dict[str, Tensor]:
            return {"objectness": binary_cross_entropy_with_logits(rendering.objectness, labels, weights)}

        parts = self.photometric.parts(count, generator) if self.photometric else []
        return trace_parts(field, [*parts, Part(self.pixels.rays(index), label_error)], generator)
