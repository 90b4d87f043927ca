"""Rendering a part of a scene: every sample's density counts with the share that belongs to the part.

LaTeRF, Equations 7 to 10: with the objectness probability p the object's density is sigma * p, and its
picture is composited from that density alone, so that what stands before or beside the object is not there
at all. Its complement, the scene without the object, is in fields/object_nerf.py. Nothing absorbs at the end
of a ray: a part has an accumulation, and its colour is laid over any background afterwards.

Symbols as in fields/reference.py, for R rays of K samples: sigma density, delta length of a sample,
tau = sigma * share * delta, T transmittance of the part, w weight.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MODES = ("density", "alpha_times_p")
FAR_LOGIT = -10.0  # of the particle behind everything (section 5.1): rays that hit nothing are no object


@dataclass(frozen=True)
class PartRendering:
    """R rays through a part of a scene.

    rgb: (R, 3) colour of what was hit, not multiplied by the accumulation. accumulation: (R,) share of the
    ray that the part stops. depth: (R,) expected z-depth of what was hit, scene units, 0 where nothing was.
    logit: (R,) objectness score composited with the part's own weights and a far particle of low score.
    """

    rgb: Tensor
    accumulation: Tensor
    depth: Tensor
    logit: Tensor

    def among(self, met: Tensor) -> "PartRendering":
        """These rays where `met` (R,) is true, and rays that hit nothing where it is not."""
        count = len(met)
        empty = torch.zeros(count, 3), torch.zeros(count), torch.zeros(count), torch.full((count,), FAR_LOGIT)
        own = (getattr(self, name) for name in self.__dataclass_fields__)
        return PartRendering(*(e.index_put((met,), o) for e, o in zip(empty, own, strict=True)))

    def over(self, background: Tensor) -> Tensor:
        """The colour (R, 3) in front of a background, (3,) or (R, 3)."""
        share = self.accumulation[:, None]
        return share * self.rgb + (1 - share) * background


def part_weights(density: Tensor, share: Tensor, delta: Tensor, mode: str = "density") -> Tensor:
    """Weights (R, K) of the samples of a part; their sum along a ray is its accumulation.

    Args:
        density, share, delta: (R, K); the share is in [0, 1].
        mode: `density` is Equation 10, which does not change when a sample is cut in two. `alpha_times_p`, of
            the released code, multiplies the opacity instead and does change.
    """
    if mode == "alpha_times_p":
        alpha = (1 - torch.exp(-density * delta)) * share
        passed = torch.cumprod(torch.nn.functional.pad(1 - alpha[:, :-1], (1, 0), value=1.0), dim=1)
        return passed * alpha
    tau = density * share * delta
    return torch.exp(-(tau.cumsum(1) - tau)) * (1 - torch.exp(-tau))


def mean_of(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted means along rays: values (R, K, C), weights (R, K) -> (R, C); 0 where all weights are 0."""
    total = weights.sum(1, keepdim=True).clamp_min(1e-6)
    return torch.einsum("rk,rkc->rc", weights / total, values)


def part_logit(logits: Tensor, weights: Tensor) -> Tensor:
    """The score of section 5.1, (R,): logits (R, K) in place of colours, and the far particle behind."""
    return (weights * logits).sum(1) + FAR_LOGIT * (1 - weights.sum(1))
