"""Every score of one render against one truth, in every region of its view."""

from dataclasses import dataclass, field

import numpy as np
from torch import nn

from nerfkit.evaluation import inception, regions, scores
from nerfkit.evaluation.perceptual_distances import Distance, available_distances
from nerfkit.evaluation.records import Score, size_of
from nerfkit.weights import verified_sha256, weight_path, why_unusable

SSIM_WINDOW = f"Gaussian {scores.SSIM_WINDOW} px, sigma {scores.SSIM_SIGMA}"


@dataclass(frozen=True)
class Networks:
    """What scores by learned features: the distances, Inception with its weights, and what is skipped."""

    distances: list[Distance] = field(default_factory=list)
    inception: nn.Module | None = None
    inception_weights: str | None = None  # sha256
    skipped: list[dict[str, str]] = field(default_factory=list)


def networks_of(choice: str) -> Networks:
    """`auto`: all whose weights are in the store; `none`: none."""
    if choice == "none":
        names = "lpips_vgg", "lpips_alex", "squeezenet_distance", "fid", "kid"
        return Networks(skipped=[{"metric": name, "reason": "metrics.networks: none"} for name in names])
    distances, skipped = available_distances()
    reason = why_unusable(inception.NETWORK)
    if reason:
        skipped += [{"metric": metric, "reason": reason} for metric in ("fid", "kid")]
        return Networks(distances, skipped=skipped)
    path = weight_path(inception.NETWORK)
    sha256 = verified_sha256(inception.NETWORK, path)
    return Networks(distances, inception.read_inception(path), sha256, skipped)


def pixel_scores(render: np.ndarray, truth: np.ndarray, region: regions.Region) -> dict[str, float]:
    """PSNR, SSIM and, over whole crops of what was not blackened, sharpness: it needs neighbours."""
    a, b = region.of(render), region.of(truth)
    whole = region.visible is not None
    values = {
        "psnr": scores.psnr(a, b, region.weight),
        "ssim": scores.ssim(a, b, region.weight, whole=whole),
    }
    if region.weight is None and not whole:
        values["sharpness"] = scores.sharpness(a, b)
    return values


def perceptual_scores(
    render: np.ndarray, truth: np.ndarray, where: dict[tuple[str, str], regions.Region], distance: Distance
) -> dict[tuple[str, str], float]:
    """A perceptual distance in every region; regions that show the network the same images share its work."""
    values: dict[tuple[str, str], float] = {}
    groups: dict[tuple, list[tuple[str, str]]] = {}
    for key, region in where.items():
        shown = (region.rows.start, region.columns.start, id(region.visible))
        groups.setdefault(shown, []).append(key)
    for keys in groups.values():
        first = where[keys[0]]
        weights = [where[key].weight for key in keys]
        values.update(zip(keys, distance.between(first.of(render), first.of(truth), weights), strict=True))
    return values


def compare(
    render: np.ndarray,
    truth: np.ndarray,
    where: dict[tuple[str, str], regions.Region],
    networks: Networks,
    *,
    stage: str,
    view: str,
    source: str,
) -> list[Score]:
    """Every score of a render (H, W, 3) in [0, 1] against a truth that comes from `source`."""
    shared = {"view": view, "resolution": size_of(truth), "truth": source}
    found = [
        Score(stage, *key, metric, value=value, window=SSIM_WINDOW if metric == "ssim" else None, **shared)
        for key, region in where.items()
        for metric, value in pixel_scores(render, truth, region).items()
    ]
    for distance in networks.distances:
        learned = {"network": distance.network, "weights": distance.sha256, **shared}
        found += [
            Score(stage, *key, distance.metric, value=value, **learned)
            for key, value in perceptual_scores(render, truth, where, distance).items()
        ]
    return found
