"""Perceptual distances of a render to the truth, by every network whose weights are in the store.

`lpips_vgg` and `lpips_alex` are LPIPS (Zhang et al. 2018) as its package computes it. The squeezenet
perceptual distance is *not* LPIPS: other ImageNet weights, and no linear heads learned from human judgements.
It is the squared difference of features that were scaled to unit length at each pixel, averaged over the
pixels and summed over the seven layers after SqueezeNet 1.1's stem and its Fire modules that LPIPS reads too
(the package calls this its baseline); 0 for equal images and at most 14.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nerfkit.perceptual import NETWORKS
from nerfkit.weights import verified_sha256, weight_path, why_unusable

SMALLEST = 32  # pixels; below it the deepest layers of these networks see less than one cell


@dataclass(frozen=True)
class Distance:
    """A perceptual distance: its metric's name, the LPIPS package's name of its network, heads or none."""

    metric: str
    net: str
    network: str
    path: Path
    heads: bool

    @property
    def sha256(self) -> str:
        """sha256 of the weights."""
        return verified_sha256(self.network, self.path)

    @cached_property
    def model(self) -> nn.Module:
        """The network, read when it is first needed."""
        from nerfkit.perceptual.lpips import lpips_network

        return lpips_network(self.net, self.path, self.heads)

    @torch.no_grad()
    def layer_maps(self, prediction: np.ndarray, truth: np.ndarray) -> list[Tensor]:
        """The distance at every cell of every layer, (1, 1, h, w) each.

        Args:
            prediction, truth: float RGB (H, W, 3) in [0, 1], no side below SMALLEST.
        """
        features = [
            self.model.net(self.model.scaling_layer(as_input(image))) for image in (prediction, truth)
        ]
        maps = []
        for k, pair in enumerate(zip(*features, strict=True)):
            difference = (unit(pair[0]) - unit(pair[1])).square()
            maps.append(self.model.lins[k](difference) if self.heads else difference.sum(1, keepdim=True))
        return maps

    def between(
        self, prediction: np.ndarray, truth: np.ndarray, weights: list[np.ndarray | None]
    ) -> list[float]:
        """The distance under each weight: a mask (H, W), or None for all pixels.

        All pixels are averaged layer by layer, as LPIPS is; under a mask the layers' maps are first brought
        to the images' size (bilinear), as its `spatial` form is. Images with a side below SMALLEST: nan.
        """
        if min(truth.shape[:2]) < SMALLEST:
            return [float("nan")] * len(weights)
        maps = self.layer_maps(prediction, truth)
        plain = float(sum(values.mean() for values in maps))
        if all(weight is None for weight in weights):
            return [plain] * len(weights)
        full = sum(
            nn.functional.interpolate(values, size=truth.shape[:2], mode="bilinear", align_corners=False)
            for values in maps
        )[0, 0].numpy()
        return [plain if weight is None else float(full[weight].mean()) for weight in weights]


def as_input(image: np.ndarray) -> Tensor:
    """Float RGB (H, W, 3) in [0, 1] as (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None] * 2 - 1


def unit(features: Tensor) -> Tensor:
    """Features (1, C, h, w) scaled to length 1 at every cell; 1e-10 is the package's guard of empty cells."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


SCORED = ("lpips_vgg", "lpips_alex", "squeezenet_distance")  # of perceptual.NETWORKS


def available_distances() -> tuple[list[Distance], list[dict[str, str]]]:
    """The distances whose weights are in the store, and what is skipped: its `metric` and the `reason`."""
    found, skipped = [], []
    for metric in SCORED:
        net, network, heads = NETWORKS[metric]
        reason = why_unusable(network)
        if reason:
            skipped.append({"metric": metric, "reason": reason})
        else:
            found.append(Distance(metric, net, network, weight_path(network), heads))
    return found, skipped
