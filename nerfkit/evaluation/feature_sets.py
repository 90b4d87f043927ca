"""Inception features of what was compared, kept so that FID and KID can be pooled over scenes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import nn

from nerfkit.evaluation import inception, regions

# the images of masked-map are those of full-frame, and those of masked-input are those of masked-frame
DISTRIBUTIONS = (regions.FULL_FRAME, regions.SPINNERF_BOX, regions.MASKED_FRAME)
MEASURES = {"fid": inception.fid, "kid": inception.kid}


@dataclass
class FeatureSets:
    """Inception features of what was compared: (stage, protocol, region, truth) -> two lists, row by row."""

    network: nn.Module
    sets: dict[tuple[str, str, str, str], tuple[list[np.ndarray], list[np.ndarray]]] = field(
        default_factory=dict
    )

    def add(
        self,
        render: np.ndarray,
        truth: np.ndarray,
        where: dict[tuple[str, str], regions.Region],
        stage: str,
        source: str,
    ) -> None:
        """Take in one view."""
        for key, region in where.items():
            if key[0] in DISTRIBUTIONS:
                pair = self.sets.setdefault((stage, *key, source), ([], []))
                for images, image in zip(pair, (render, truth), strict=True):
                    images.append(inception.features(self.network, region.of(image)))

    def records(self, weights: str | None, resolution: str) -> list[dict]:
        """FID and KID of every set; `weights` is the network's sha256."""
        learned = {"resolution": resolution, "network": inception.NETWORK, "weights": weights}
        return [
            {
                **dict(zip(("stage", "protocol", "region", "truth"), key, strict=True)),
                **learned,
                "metric": metric,
                "value": measure(np.stack(renders), np.stack(truths)),
                "views": len(renders),
            }
            for key, (renders, truths) in self.sets.items()
            for metric, measure in MEASURES.items()
        ]

    def write(self, path: Path) -> None:
        """Write <stage>/<protocol>/<region>/<truth>/{render,truth} -> (N, 2048), for pools over scenes."""
        arrays = {
            "/".join((*key, name)): np.stack(images).astype(np.float32)
            for key, pair in self.sets.items()
            for name, images in zip(("render", "truth"), pair, strict=True)
        }
        np.savez_compressed(path, **arrays)
