"""The records of metrics.json: what a score says about itself, and means over the views."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = [
    "scene",
    "run",
    "seed",
    "stage",
    "protocol",
    "region",
    "metric",
    "value",
    "views",
    "resolution",
    "truth",
    "mask_source",
    "window",
    "network",
    "weights",
]
# what one record has in common with the views it is the mean of
KEYS = ("stage", "protocol", "region", "metric", "truth", "window", "network", "weights")


@dataclass(frozen=True)
class Score:
    """One value of one view.

    `truth` is what it was compared with (photos, reference, depth, masks), `window` that of SSIM, `network`
    and `weights` (sha256) those of a learned distance; None where there is no such thing.
    """

    stage: str
    protocol: str
    region: str
    metric: str
    view: str
    value: float
    resolution: str
    truth: str | None = "photos"
    window: str | None = None
    network: str | None = None
    weights: str | None = None


def size_of(image: np.ndarray) -> str:
    """Width x height of an image (H, W, ...)."""
    return f"{image.shape[1]}x{image.shape[0]}"


def common(sizes: set[str]) -> str:
    """The one resolution of several views, or `mixed`."""
    return next(iter(sizes)) if len(sizes) == 1 else "mixed"


def view_means(per_view: list[Score]) -> list[dict]:
    """One record per group of scores that differ by their view alone: the mean over those with a value."""
    groups: dict[tuple, list[Score]] = {}
    for score in per_view:
        if not math.isnan(score.value):
            groups.setdefault(tuple(getattr(score, key) for key in KEYS), []).append(score)
    return [
        {
            **dict(zip(KEYS, key, strict=True)),
            "value": float(np.mean([score.value for score in members])),
            "views": len(members),
            "resolution": common({score.resolution for score in members}),
        }
        for key, members in groups.items()
    ]


def costs(stage: str, path: Path) -> list[dict]:
    """Wall time and peak memory of a stage from the last row of its benchmark file.

    Snakemake samples memory, so a stage of less than a second may have none: then there is no record of it.
    """
    row = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
    values = {"wall_seconds": row["s"], "peak_memory": row["max_rss"]}
    return [
        {"stage": stage, "protocol": "benchmark", "metric": metric, "value": float(value)}
        for metric, value in values.items()
        if not math.isnan(value)
    ]


def completed(record: dict, **shared: object) -> dict:
    """A record with all columns in their order; what it does not say is None."""
    return {column: {**record, **shared}.get(column) for column in COLUMNS}


def json_number(value: float) -> float | str | None:
    """A float as JSON can say it: nan (no value) is null, an infinite one is the string 'inf'."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
