"""What the object field is held against (LaTeRF, Equation 15): labels, text and, where asked, photos."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from nerfkit.extraction.labels import LabelSet
from nerfkit.fields.object_field import ObjectField
from nerfkit.object_rendering import PartRendering
from nerfkit.objectives.parts import due
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.rendering import Rendering

OPAQUE = 0.5  # object opacity above which a ray of another thing may have the object behind that thing


def opacity_error(own: PartRendering, scene: Rendering, labels: Tensor) -> Tensor:
    """Mean squared error of the object's opacity against the label.

    A ray that is not the object's is spared where the object is opaque on it but lies behind what the photo
    shows: the object may well go on there (the released code's occlusion exemption).
    """
    behind = own.depth.detach() > scene.depth.detach()
    hidden = ~labels & behind & (own.accumulation.detach() > OPAQUE)
    error = (own.accumulation - labels.float()).square()
    return torch.where(hidden, torch.zeros_like(error), error).mean()


@dataclass(frozen=True)
class TextTerm:
    """The CLIP term: now and then the object is rendered for the network that compares it with the text.

    Attributes:
        loss: (field, generator) -> scalar.
        every, start: as `due` takes them.
    """

    loss: Callable[[ObjectField, torch.Generator], Tensor]
    weight: float
    every: int
    start: float


@dataclass(frozen=True)
class Extraction:
    """The whole objective; a weight of zero or a term that is None is left out.

    Attributes:
        labels: pixels whose ray is the object's or not (Equation 13).
        edges: those along the masks' edges, which are half of what is drawn where there are any.
        opacity: weight of the labelled rays' object opacity.
        silhouette: weight of object opacity where the scene itself is empty.
        photometric: the photos (Equation 3), for a field that adapts.
        text: the CLIP term (Equation 14).
    """

    pixels: PixelBank
    labels: LabelSet
    edges: LabelSet | None = None
    label_weight: float = 1.0
    opacity: float = 10.0
    silhouette: float = 0.1
    photometric: Photometric | None = None
    text: TextTerm | None = None

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` pixels and their labels."""
        if self.edges is None:
            return self.labels.draw(count, generator)
        drawn = [kind.draw(count // 2, generator) for kind in (self.labels, self.edges)]
        return torch.cat([index for index, _ in drawn]), torch.cat([label for _, label in drawn])

    def __call__(
        self, field: ObjectField, count: int, done: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The terms of one step."""
        index, labels = self.draw(count, generator)
        rays = self.pixels.rays(index)
        scene = field.trace(rays, generator)
        classified = binary_cross_entropy_with_logits(scene.objectness, labels.float())
        terms = {"labels": self.label_weight * classified}
        if self.opacity or self.silhouette:
            own = field.trace_object(rays, generator, live=False)
            empty = 1 - scene.accumulation.detach()
            terms["opacity"] = self.opacity * opacity_error(own, scene, labels)
            terms["silhouette"] = self.silhouette * (empty * own.accumulation).mean()
        if self.photometric:
            terms |= self.photometric(field, count, done, generator)
        if self.text and due(self.text.every, self.text.start, done, generator):
            terms["text"] = self.text.weight * self.text.loss(field, generator)
        return terms
