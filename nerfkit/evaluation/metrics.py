"""The scores of one run, as a list of records that say what was compared, where and over how many views.

Truth is the photos of the place without the object (`test/images`), the renders of a field that was trained
on such photos (the stage reference_field; SPIn-NeRF's own truth), or both. A training view has no truth
inside its hole and is scored outside of it, against its own photo. Depth is scored where the capture knows
it, masks against the user's. Wall time and peak memory are what Snakemake's benchmarks say.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.evaluation import records as rows
from nerfkit.evaluation import regions
from nerfkit.evaluation.feature_sets import FeatureSets
from nerfkit.evaluation.mask_records import mask_records, pool
from nerfkit.evaluation.mask_scores import POOLED, VIEW_MEAN, mask_pairs, read_mask_as
from nerfkit.evaluation.records import Score
from nerfkit.evaluation.true_depth import TrueDepth, depth_error, read_true_depth
from nerfkit.evaluation.view_scores import Networks, compare, networks_of
from nerfkit.files import read_image, read_json, stage_folder, write_manifest

log = logging.getLogger("nerfkit")

TRUTHS = {"photos": ("photos",), "reference": ("reference",), "both": ("photos", "reference")}
DEPTHS = {"rgb": "depth", "before": "depth_before"}  # image of a render -> its depths
PROTOCOLS = {
    **regions.PROTOCOLS,
    VIEW_MEAN: "masks scored view by view, mean over the views",
    POOLED: "masks scored over the pixels of all views together",
    "benchmark": "Snakemake's record of the stage: wall_seconds s, peak_memory MiB",
}
NOTES = {
    "psnr": "dB, of the mean squared error over pixels and channels of a view",
    "ssim": "Wang et al. 2004, K1 0.01, K2 0.03, mean of the channels; masked-map: windows end at the mask",
    "sharpness": "gradient energy of the render relative to the truth's",
    "lpips_vgg": "LPIPS 0.1 with the VGG16 backbone",
    "lpips_alex": "LPIPS 0.1 with the AlexNet backbone",
    "squeezenet_distance": "squeezenet perceptual distance, not LPIPS: other weights, no learned heads",
    "fid": "Inception 2015, pytorch-fid's resizing to 299x299; biased upwards with few views",
    "kid": "Inception 2015, unbiased, over all pairs",
    "depth_error": "median over the mask of |z - truth| / truth; mean over the views",
}
SHOWN = ("psnr", "squeezenet_distance", "lpips_vgg", "depth_error", "iou")


@dataclass(frozen=True)
class MetricsSettings:
    """Settings of the metrics stage."""

    truth: str = "photos"  # photos, reference (a field of them, the paper's) or both
    box_margin: float = 0.0  # widens the box of the test mask on every side, as a share of its side
    networks: str = "auto"  # auto: every perceptual network whose weights are in the store scores; none


@dataclass(frozen=True)
class Sources:
    """Folders of stages and of the user's truth; None where there is none.

    `reference` is the folder of the stage reference_field; `true_masks` holds the user's masks by stem
    (None also when they were the input), `test_masks` where the object would be in the test views,
    `true_depth` its depth (see true_depth.py) in the units of the poses `exact`, which are matched with those
    of the sfm stage.
    """

    renders: Path
    holes: Path
    reference: Path | None = None
    true_masks: Path | None = None
    test_masks: Path | None = None
    true_depth: Path | None = None
    exact: Path | None = None
    transforms: Path | None = None


def metrics(
    sources: Sources,
    out: Path,
    settings: MetricsSettings,
    *,
    scene: str,
    run: str,
    seed: int,
    masks: dict[str, Path] | None = None,
    benchmarks: dict[str, Path] | None = None,
) -> None:
    """Write metrics.json (records and what they mean), metrics.csv (the records) and views.csv (every view).

    Where the Inception network scored, features.npz holds what it saw.

    Args:
        masks: stage -> folder of its masks by stem, scored against the true masks.
        benchmarks: stage -> its Snakemake benchmark file.
    """
    networks = networks_of(settings.networks)
    features = FeatureSets(networks.inception) if networks.inception is not None else None
    per_view = image_scores(sources, settings, networks, features)
    folders = masks.items() if masks and sources.true_masks is not None else ()
    pairs = {stage: mask_pairs(folder, sources.true_masks) for stage, folder in folders}
    for stage, views in pairs.items():
        per_view += mask_records(stage, views)
    found = rows.view_means(per_view)
    if features is not None:
        found += features.records(networks.inception_weights, rows.common({s.resolution for s in per_view}))
    found += [pooled for stage, views in pairs.items() for pooled in pool(stage, views)]
    found += [cost for stage, path in (benchmarks or {}).items() for cost in rows.costs(stage, path)]
    given = "provided" if read_json(sources.holes / "holes.json")["provided"] else "clicks"
    shared = {"scene": scene, "run": run, "seed": seed, "mask_source": given}
    with stage_folder(out) as folder:
        if features is not None:
            features.write(folder / "features.npz")
        pd.DataFrame([asdict(score) for score in per_view]).to_csv(folder / "views.csv", index=False)
        write_records(folder, [rows.completed(r, **shared) for r in found], per_view, settings, networks)


def write_records(
    folder: Path, records: list[dict], per_view: list[Score], settings: MetricsSettings, networks: Networks
) -> None:
    """Write metrics.csv and metrics.json, and log what there is and what is not."""
    table = pd.DataFrame(records, columns=rows.COLUMNS).astype({"views": "Int64"})
    table.to_csv(folder / "metrics.csv", index=False)
    write_manifest(
        folder,
        "metrics",
        protocols=PROTOCOLS,
        notes=NOTES,
        box_margin=settings.box_margin,
        skipped=networks.skipped,
        views=sorted({score.view for score in per_view}),
        records=[{**record, "value": rows.json_number(record["value"])} for record in records],
    )
    for record in records:
        if record["metric"] in SHOWN:
            log.info(
                "%(stage)s, %(protocol)s, %(metric)s against %(truth)s: %(value).4g over %(views)d views",
                record,
            )
    for missing in networks.skipped:
        log.info("not computed: %(metric)s, for %(reason)s", missing)


def image_scores(
    sources: Sources, settings: MetricsSettings, networks: Networks, features: FeatureSets | None
) -> list[Score]:
    """Every score of both fields' renders in every region of every rendered view.

    `features`, where it is given, takes in what the test views show.
    """
    manifest = read_json(sources.renders / "renders.json")
    depth = read_true_depth(sources.true_depth, sources.exact, sources.transforms)
    depths = {image: np.load(sources.renders / f"{file}.npz") for image, file in DEPTHS.items() if depth}
    found = []
    for view in tqdm(manifest["views"], desc="metrics", unit="view", disable=None):
        name, split = view["name"], view["split"]
        for source, truth, where in truths(sources, settings, name, split):
            for image, stage in manifest["stages"].items():
                render = read_image(sources.renders / split / name / f"{image}.png") / 255.0
                found += compare(render, truth, where, networks, stage=stage, view=name, source=source)
                if features is not None and split == "test":
                    features.add(render, truth, where, stage, source)
        if depth is not None and split == "test":
            for image, stage in manifest["stages"].items():
                found += depth_scores(depth, depths[image][name], sources.test_masks, stage, name)
    return found


def truths(
    sources: Sources, settings: MetricsSettings, name: str, split: str
) -> Iterator[tuple[str, np.ndarray, dict[tuple[str, str], regions.Region]]]:
    """What a view is compared with: its kind, float RGB (H, W, 3) in [0, 1], and where."""
    photo = read_image(sources.renders / split / name / "photo.png") / 255.0
    if split != "test":
        kept = ~read_mask_as(sources.holes / "holes" / f"{name}.png", photo)
        yield "photos", photo, {(regions.MASKED_MAP, "outside-hole"): regions.masked_map(kept)}
        return
    mask = None
    if sources.test_masks is not None:
        mask = read_mask_as(sources.test_masks / f"{name}.png", photo)
    where = regions.regions_of(mask, settings.box_margin)
    for source in TRUTHS[settings.truth]:
        yield source, photo if source == "photos" else reference_render(sources, name), where


def reference_render(sources: Sources, name: str) -> np.ndarray:
    """The render of a test view by the field of all photos without the object."""
    if sources.reference is None:
        raise UserError("metrics.truth asks for the renders of the stage reference_field: run it first.")
    return read_image(sources.reference / "truth" / f"{name}.png") / 255.0


def depth_scores(
    depth: TrueDepth, rendered: np.ndarray, test_masks: Path | None, stage: str, name: str
) -> list[Score]:
    """The depth error inside the removed region of a view; nothing where mask or depth are not known."""
    truth = depth.of(name, rendered)
    mask = read_mask_as(test_masks / f"{name}.png", rendered) if test_masks is not None else None
    if truth is None or mask is None or not mask.any():
        return []
    error, size = depth_error(rendered, truth, mask), rows.size_of(rendered)
    return [Score(stage, regions.MASKED_MAP, "mask", "depth_error", name, error, size, "depth")]
