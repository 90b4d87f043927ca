"""Means and spreads of the records of many runs, as markdown.

A cell's mean is over the seeds of every scene first and over the scenes then; its spread is the standard
deviation over the seeds of the mean over the scenes. A cell is a dash where some scene or seed has no value.
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.evaluation.tables import markdown

# metric -> heading, format, and which way is better
HEADINGS = {
    "psnr": ("PSNR dB, high", ".2f"),
    "ssim": ("SSIM, high", ".3f"),
    "sharpness": ("sharpness, 1", ".2f"),
    "squeezenet_distance": ("SqueezeNet distance (not LPIPS), low", ".3f"),
    "lpips_vgg": ("LPIPS vgg, low", ".3f"),
    "lpips_alex": ("LPIPS alex, low", ".3f"),
    "fid": ("FID, low", ".1f"),
    "kid": ("KID, low", ".4f"),
    "depth_error": ("median depth error, low", ".4f"),
    "wall_seconds": ("all stages, s", ".0f"),
}


@dataclass(frozen=True)
class Method:
    """A row: its run, its title, what it is, and by protocol what was published, with its source."""

    run: str
    title: str
    about: str
    published: dict[str, str]


def values_of(records: list[dict], **fixed: object) -> dict[tuple[str, int], float]:
    """(scene, seed) -> value of the records in which the named columns are as said."""
    return {
        (record["scene"], record["seed"]): float(record["value"])
        for record in records
        if record["value"] is not None and all(record[key] == value for key, value in fixed.items())
    }


def mean_and_spread(
    values: dict[tuple[str, int], float], scenes: list[str], seeds: list[int]
) -> tuple[float, float | None] | None:
    """Mean over seeds and scenes, spread over seeds (None for one seed); None where a value is missing."""
    if any((scene, seed) not in values for scene in scenes for seed in seeds):
        return None
    of_seed = [np.mean([values[scene, seed] for scene in scenes]) for seed in seeds]
    spread = float(np.std(of_seed, ddof=1)) if len(seeds) > 1 and np.isfinite(of_seed).all() else None
    return float(np.mean(of_seed)), spread


def cell(found: tuple[float, float | None] | None, form: str) -> str:
    """`mean ± spread`."""
    if found is None:
        return "-"
    mean, spread = found
    return format(mean, form) + ("" if spread is None else f" ± {spread:{form}}")


def protocol_table(
    methods: list[Method],
    records: list[dict],
    protocol: str,
    truth: str | None,
    scenes: list[str],
    seeds: list[int],
) -> str:
    """One protocol as a markdown table of methods x metrics; empty where no method has a value.

    Args:
        records: with a column `method`, a run's name; scores of the methods' own renders alone.
        scenes: averaged; one for the table of a scene. Names of pooled scenes are scenes too.
    """
    of = [record for record in records if record["protocol"] == protocol and record["truth"] == truth]
    cells = {
        (method.run, metric): cell(
            mean_and_spread(values_of(of, method=method.run, metric=metric), scenes, seeds), form
        )
        for method in methods
        for metric, (_, form) in HEADINGS.items()
    }
    metrics = [m for m in HEADINGS if any(cells[method.run, m] != "-" for method in methods)]
    if not metrics:
        return ""
    published = any(protocol in method.published for method in methods)
    heads = ["method", *(HEADINGS[metric][0] for metric in metrics), *(["published"] if published else [])]
    rows = [
        [method.title, *(cells[method.run, m] for m in metrics)]
        + ([method.published.get(protocol, "-")] if published else [])
        for method in methods
    ]
    return markdown(heads, rows, left=["method", "published"])
