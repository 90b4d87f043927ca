"""The pages of `segmentation_table`: its numbers as markdown and as a picture, and masks side by side.

Measured numbers are shares of one with the scenes' names above them; published ones are percent, of other
scenes, in columns of their own.
"""

from pathlib import Path

import numpy as np

from nerfkit.evaluation import canvas
from nerfkit.evaluation.mask_scores import PROTOCOLS, Pairs
from nerfkit.evaluation.scores import iou
from nerfkit.evaluation.sheets import Table, comparison_sheet, number_sheet
from nerfkit.evaluation.tables import markdown
from nerfkit.files import read_image

METRICS = {"iou": "IoU", "accuracy": "acc."}
TILE = 240  # px
AROUND = 0.4  # of the object, how far beyond it the tiles reach
NOTES = {
    "view-mean": "every view scored for itself, then the mean over the views",
    "pooled": "one score over the pixels of all views together",
}


def tables(records: list[dict]) -> list[Table]:
    """One table for each start and protocol: a row for each method, measured and published columns apart."""
    scenes = list(dict.fromkeys(record["scene"] for record in records))
    measured = [f"{scene} {name}" for scene in scenes for name in METRICS.values()]
    means = [f"mean {name}" for name in METRICS.values()] if len(scenes) > 1 else []
    columns = ["method", *measured, *means, "published IoU %", "published acc. %"]
    made = []
    for start in dict.fromkeys(record["start"] for record in records):
        for protocol in PROTOCOLS:
            own = [r for r in records if (r["start"], r["protocol"]) == (start, protocol)]
            methods = dict.fromkeys(record["method"] for record in own)
            rows = [
                table_row(method, [r for r in own if r["method"] == method], scenes) for method in methods
            ]
            made.append(Table(f"{start}, {protocol}: {NOTES[protocol]}", columns, rows))
    return made


def table_row(method: str, records: list[dict], scenes: list[str]) -> list[str]:
    """The cells of one method: each scene's mean over its seeds, their mean, and what is published."""
    lack = records[0]["missing"]
    own = [mean_score(records, scene, metric) for scene in scenes for metric in METRICS]
    means = [mean_of(own[k :: len(METRICS)]) for k in range(len(METRICS))] if len(scenes) > 1 else []
    published = {record["metric"]: record["published_percent"] for record in records}
    return [
        f"{method} ({lack})" if lack else method,
        *("-" if value is None else f"{value:.4f}" for value in [*own, *means]),
        *("-" if published[metric] is None else f"{published[metric]:g}" for metric in METRICS),
    ]


def mean_score(records: list[dict], scene: str, metric: str) -> float | None:
    """The mean over the seeds of one scene's score, None where there is none."""
    return mean_of([r["value"] for r in records if (r["scene"], r["metric"]) == (scene, metric)])


def mean_of(values: list[float | None]) -> float | None:
    """The mean, None where a value is missing."""
    return None if None in values else float(np.mean(values))


def sources(records: list[dict]) -> list[str]:
    """Where each published number comes from, a sentence for each method that has one."""
    named = {record["method"]: record["published_source"] for record in records}
    return [f"{method}: {source}" for method, source in named.items() if source]


def page(records: list[dict], views: dict[str, dict[str, list[str]]]) -> str:
    """The whole table as a page.

    Args:
        records: see `segmentation_table.measured`.
        views: scene -> which views were scored, and which given.
    """
    parts = ["# Multiview segmentation"]
    parts += [
        f"\n## {table.heading}\n{markdown(table.columns, table.rows, left=['method'])}"
        for table in tables(records)
    ]
    parts.append("## Published\nOn other scenes, by others; not to be compared with the measured columns.\n")
    parts += [f"- {line}" for line in sources(records)]
    parts.append("\n## What was measured\nViews that were given to a method are not scored.\n")
    for scene, of_scene in views.items():
        own = [record for record in records if record["scene"] == scene]
        sizes = ", ".join(sorted({record["resolution"] for record in own if record["resolution"]}))
        seeds = ", ".join(sorted({str(record["seed"]) for record in own}))
        parts.append(
            f"- **{scene}**: {len(of_scene['scored'])} views at {sizes}, seed {seeds}; given "
            f"{', '.join(of_scene['given'])}; scored {', '.join(of_scene['scored'])}"
        )
    heads = ["method", "start", "run", "stage"]
    runs = dict.fromkeys(tuple(record[head] for head in heads) for record in records)
    parts.append(f"\n{markdown(heads, list(runs), left=heads)}")
    return "\n".join(parts)


def numbers(records: list[dict]) -> np.ndarray:
    """The tables as a picture, uint8 RGB."""
    published = Table("Published on other scenes", ["source"], [[line] for line in sources(records)])
    return number_sheet("Multiview segmentation", [*tables(records), published])


def scene_sheet(title: str, masks: dict[str, Pairs], photos: Path) -> np.ndarray:
    """The same views of one scene, around the object, under every method, uint8 RGB; first the truth.

    Args:
        masks: method -> view -> mask and truth, of the views that are shown.
        photos: folder of the photos by stem.
    """
    truth = {view: pair[1] for view, pair in next(iter(masks.values())).items()}
    images = {view: read_image(photos / f"{view}.png") for view in truth}
    crops = {view: surroundings(truth[view]) for view in images}
    first = [canvas.overlaid(image, truth[view], canvas.ON)[crops[view]] for view, image in images.items()]
    rows = [("truth", first)]
    for method, pairs in masks.items():
        tiles = [scored_tile(image, *pairs[view], crops[view]) for view, image in images.items()]
        rows.append((method, tiles))
    return comparison_sheet(f"{title}; IoU of each view", list(images), rows, TILE)


def surroundings(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns around a mask (H, W), AROUND of its size beyond on each side; all if it is empty."""
    if not mask.any():
        return slice(None), slice(None)
    spans = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis=axis))
        air = round(AROUND * (places[-1] - places[0] + 1))
        spans.append(slice(max(places[0] - air, 0), places[-1] + air + 1))
    return spans[0], spans[1]


def scored_tile(
    image: np.ndarray, mask: np.ndarray, truth: np.ndarray, crop: tuple[slice, slice]
) -> np.ndarray:
    """A mask over its photo, cropped and brought to the tile's width, with its IoU in the corner."""
    tile = canvas.overlaid(image, mask)[crop]
    tile = canvas.resized(tile, TILE, round(TILE * tile.shape[0] / tile.shape[1]))
    tile[:22, :58] = canvas.PAPER
    return canvas.write_text(tile, f"{iou(mask, truth):.3f}", 8, 11, 15)
