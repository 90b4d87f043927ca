"""The scores of one run, as a list of records that say what was compared, where and over how many views.

Truth is the photos of the place without the object (`test/images`). A training view has no truth inside its
hole and is scored outside of it, against its own photo. Masks are scored against the user's. Wall time and
peak memory are what Snakemake's benchmarks say.
"""

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from nerfkit.evaluation import mask_scores, regions, scores
from nerfkit.evaluation.mask_scores import Pairs, mask_pairs, resized_mask
from nerfkit.files import read_image, read_json, read_mask, stage_folder, write_manifest

log = logging.getLogger("nerfkit")

COLUMNS = ["scene", "run", "seed", "stage", "protocol", "region", "metric", "value", "views", "resolution"]
PROTOCOLS = {
    regions.FULL_FRAME: "every pixel; mean over the views",
    regions.MASKED_MAP: "error map averaged over the pixels of the region; mean over the views",
    regions.SPINNERF_BOX: "both images cropped to the box of the test mask; mean over the views",
    mask_scores.VIEW_MEAN: "masks scored view by view, mean over the views",
    mask_scores.POOLED: "masks scored over the pixels of all views together",
    "benchmark": "Snakemake's record of the stage: wall_seconds s, peak_memory MiB",
}
SSIM_NOTE = f"Gaussian window {scores.SSIM_WINDOW} px, sigma {scores.SSIM_SIGMA}, K1 0.01, K2 0.03"


@dataclass(frozen=True)
class MetricsSettings:
    """Settings of the metrics stage."""

    box_margin: float = 0.0  # widens the box of the test mask on every side, as a share of its side


@dataclass(frozen=True)
class Score:
    """One value of one view."""

    stage: str
    protocol: str
    region: str
    metric: str
    view: str
    value: float
    resolution: str


def metrics(
    renders: Path,
    photos: Path,
    holes: Path,
    out: Path,
    settings: MetricsSettings,
    *,
    scene: str,
    run: str,
    seed: int,
    masks: dict[str, Path] | None = None,
    true_masks: Path | None = None,
    test_masks: Path | None = None,
    benchmarks: dict[str, Path] | None = None,
) -> None:
    """Write metrics.json (records and what they mean), metrics.csv (the records) and views.csv (every view).

    Args:
        renders, photos, holes: folders of those stages.
        masks: stage -> folder of its masks by stem, scored against `true_masks`.
        true_masks: folder of the user's masks by stem, or None when there are none or they were the input.
        test_masks: folder of masks that say where the object would be in the test views, or None.
        benchmarks: stage -> its Snakemake benchmark file.
    """
    per_view = image_scores(renders, photos, holes, test_masks, settings.box_margin)
    folders = masks.items() if masks and true_masks is not None else ()
    pairs = {stage: mask_pairs(folder, true_masks) for stage, folder in folders}
    for stage, views in pairs.items():
        per_view += mask_records(stage, views)
    records = view_means(per_view) + [
        pooled for stage, views in pairs.items() for pooled in pool(stage, views)
    ]
    for stage, path in (benchmarks or {}).items():
        records += costs(stage, path)
    records = [{"scene": scene, "run": run, "seed": seed, **record} for record in records]
    with stage_folder(out) as folder:
        table = pd.DataFrame(records, columns=COLUMNS).astype({"views": "Int64"})
        table.to_csv(folder / "metrics.csv", index=False)
        pd.DataFrame([asdict(s) for s in per_view]).to_csv(folder / "views.csv", index=False)
        write_manifest(
            folder,
            "metrics",
            protocols=PROTOCOLS,
            ssim=SSIM_NOTE,
            box_margin=settings.box_margin,
            views=sorted({score.view for score in per_view}),
            records=[{**record, "value": json_number(record["value"])} for record in records],
        )
    for record in records:
        if record["metric"] in ("psnr", "iou"):
            log.info("%(stage)s, %(region)s, %(metric)s: %(value).4g over %(views)d views", record)


def json_number(value: float) -> float | str | None:
    """A float as JSON can say it: nan (no value) is null, an infinite one is the string 'inf'."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def image_scores(
    renders: Path, photos: Path, holes: Path, test_masks: Path | None, margin: float
) -> list[Score]:
    """Every score of both fields' renders in every region of every rendered view."""
    manifest = read_json(renders / "renders.json")
    result = []
    for view in tqdm(manifest["views"], desc="metrics", unit="view", disable=None):
        name, test = view["name"], view["split"] == "test"
        truth = read_image(photos / ("test" if test else "images") / f"{name}.png") / 255.0
        if test:
            mask = read_mask_as(test_masks / f"{name}.png", truth) if test_masks is not None else None
            where = regions.regions_of(mask, margin)
        else:
            kept = ~read_mask_as(holes / "holes" / f"{name}.png", truth)
            where = {(regions.MASKED_MAP, "outside-hole"): regions.masked_map(kept)}
        for image, stage in manifest["stages"].items():
            render = read_image(renders / view["split"] / name / f"{image}.png") / 255.0
            for (protocol, region_name), region in where.items():
                for metric, value in compare(render, truth, region).items():
                    size = f"{truth.shape[1]}x{truth.shape[0]}"
                    result.append(Score(stage, protocol, region_name, metric, name, value, size))
    return result


def compare(render: np.ndarray, truth: np.ndarray, region: regions.Region) -> dict[str, float]:
    """Every score that a region has. Sharpness needs neighbours, so it is scored over crops only."""
    a, b = region.crop(render), region.crop(truth)
    values = {"psnr": scores.psnr(a, b, region.weight), "ssim": scores.ssim(a, b, region.weight)}
    if region.weight is None:
        values["sharpness"] = scores.sharpness(a, b)
    return values


def read_mask_as(path: Path, image: np.ndarray) -> np.ndarray | None:
    """A mask resampled (nearest) to the size of an image; None where the user has none for this view."""
    return resized_mask(read_mask(path), image.shape[:2]) if path.is_file() else None


def mask_records(stage: str, pairs: Pairs) -> list[Score]:
    """Accuracy and IoU of every mask of a stage."""
    sizes = {view: f"{mask.shape[1]}x{mask.shape[0]}" for view, (mask, _) in pairs.items()}
    return [
        Score(stage, mask_scores.VIEW_MEAN, "frame", metric, view, value, sizes[view])
        for metric, of_views in mask_scores.view_scores(pairs).items()
        for view, value in of_views.items()
    ]


def pool(stage: str, pairs: Pairs) -> list[dict]:
    """Accuracy and IoU over the pixels of all views together."""
    if not pairs:
        return []
    shared = {"stage": stage, "protocol": mask_scores.POOLED, "region": "frame"}
    end = {"views": len(pairs), "resolution": mask_scores.resolution(pairs)}
    values = mask_scores.pooled(pairs).items()
    return [{**shared, "metric": metric, "value": value, **end} for metric, value in values]


def view_means(per_view: list[Score]) -> list[dict]:
    """One record per stage, protocol, region and metric: the mean over the views that have a value."""
    groups: dict[tuple, list[Score]] = {}
    for score in per_view:
        if not math.isnan(score.value):
            groups.setdefault((score.stage, score.protocol, score.region, score.metric), []).append(score)
    records = []
    for key, members in groups.items():
        sizes = {score.resolution for score in members}
        records.append(
            {
                **dict(zip(("stage", "protocol", "region", "metric"), key, strict=True)),
                "value": float(np.mean([score.value for score in members])),
                "views": len(members),
                "resolution": sizes.pop() if len(sizes) == 1 else "mixed",
            }
        )
    return records


def costs(stage: str, path: Path) -> list[dict]:
    """Wall time and peak memory of a stage from the last row of its benchmark file.

    Snakemake samples memory, so a stage of less than a second may have none: then there is no record of it.
    """
    row = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
    values = {"wall_seconds": row["s"], "peak_memory": row["max_rss"]}
    return [
        {
            "stage": stage,
            "protocol": "benchmark",
            "region": None,
            "metric": metric,
            "value": float(value),
            "views": None,
            "resolution": None,
        }
        for metric, value in values.items()
        if not math.isnan(value)
    ]
