"""All methods x scenes x seeds in one table: every record as CSV, means as markdown, renders side by side."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from nerfkit.errors import UserError
from nerfkit.evaluation import canvas, inception, regions
from nerfkit.evaluation.feature_sets import MEASURES
from nerfkit.evaluation.mask_scores import read_mask_as
from nerfkit.evaluation.records import COLUMNS, common, completed, json_number
from nerfkit.evaluation.sheets import comparison_sheet
from nerfkit.evaluation.table_means import Method, protocol_table
from nerfkit.files import read_image, read_json, stage_folder, write_image, write_manifest
from nerfkit.views import spread

log = logging.getLogger("nerfkit")

ALL = "all stages"  # stands for the stage in the sum of a run's wall times
CROP_MARGIN = 0.3  # of the box's side; shows the edge of the removed region with some surroundings


@dataclass(frozen=True)
class InpaintingTableSettings:
    """What the sheets show; which methods, scenes and seeds there are is the workflow's to say."""

    views: int = 3  # of each scene, the same of every method
    tile_width: int = 220  # width of a picture, pixels


@dataclass(frozen=True)
class Cell:
    """One method on one scene with one seed, and the folders of the stages that say how it went."""

    method: str  # the run's name
    scene: str
    seed: int
    metrics: Path
    renders: Path
    test_masks: Path  # of the scene folder; it need not be there

    @cached_property
    def scores(self) -> dict:
        """metrics.json."""
        return read_json(self.metrics / "metrics.json")

    @cached_property
    def rendered(self) -> dict:
        """renders.json."""
        return read_json(self.renders / "renders.json")

    @property
    def stage(self) -> str:
        """The stage whose work the method's renders show."""
        return self.rendered["stages"]["rgb"]


def inpainting_table(
    methods: list[dict], cells: list[dict], out: Path, settings: InpaintingTableSettings
) -> None:
    """Write records.csv, inpainting_table.md and sheets/<scene>.png.

    Args:
        methods: run, title, about and, where there is any, published of each row, in order.
        cells: the fields of a Cell each, one for each method, scene and seed.

    Raises:
        UserError: runs to be compared were scored with different settings.
    """
    rows = [Method(**{"published": {}, **method}) for method in methods]
    every = [
        Cell(**{k: v if k in ("method", "scene", "seed") else Path(v) for k, v in c.items()}) for c in cells
    ]
    check_comparable(every)
    records = [record for cell in every for record in records_of(cell)] + pooled(every)
    with stage_folder(out) as folder:
        pd.DataFrame(records, columns=["method", *COLUMNS]).to_csv(folder / "records.csv", index=False)
        (folder / "inpainting_table.md").write_text(page(rows, every, records))
        (folder / "sheets").mkdir()
        for scene in ordered(cell.scene for cell in every):
            shown = [cell for cell in every if cell.scene == scene and cell.seed == every[0].seed]
            write_image(folder / "sheets" / f"{scene}.png", scene_sheet(rows, shown, settings))
        write_manifest(folder, "inpainting_table", methods=methods, cells=len(every))
    log.info("inpainting_table: %d methods, %d runs, %d records", len(rows), len(every), len(records))


def ordered(values: object) -> list:
    """The values without repetition, in their order."""
    return list(dict.fromkeys(values))


def records_of(cell: Cell) -> list[dict]:
    """Every record of a cell's metrics.json, with the method; wall times also as their sum, `all stages`."""
    records = cell.scores["records"]
    seconds = [float(r["value"]) for r in records if r["metric"] == "wall_seconds"]
    whole = {"stage": ALL, "protocol": "benchmark", "metric": "wall_seconds", "value": sum(seconds)}
    sums = [completed(whole, run=cell.method)] if seconds else []
    place = {"method": cell.method, "scene": cell.scene, "seed": cell.seed}
    return [{**record, **place} for record in [*records, *sums]]


def check_comparable(cells: list[Cell]) -> None:
    """Raise a UserError where runs differ in what was measured."""
    known: dict[tuple, Path] = {}
    for cell in cells:
        skipped = tuple(missing["metric"] for missing in cell.scores["skipped"])
        known.setdefault((cell.scores["box_margin"], skipped), cell.metrics)
    if len(known) > 1:
        a, b = list(known.values())[:2]
        raise UserError(
            f"{a} and {b} differ in box_margin or in what was skipped for want of weights; "
            "compute them again: `snakemake --cores all inpainting_table -R metrics`."
        )


def pooled(cells: list[Cell]) -> list[dict]:
    """FID and KID of each method and seed over the images of all scenes, whose names are joined."""
    scenes = ordered(cell.scene for cell in cells)
    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        if (cell.metrics / "features.npz").is_file():
            groups.setdefault((cell.method, cell.seed), []).append(cell)
    found = []
    for (method, seed), members in groups.items():
        if len(members) == len(scenes) > 1:
            place = {"method": method, "scene": "+".join(scenes), "seed": seed}
            found += [{**record, **place} for record in pooled_records(members)]
    return found


def pooled_records(members: list[Cell]) -> list[dict]:
    """FID and KID over the images of several scenes, for every protocol that all of them have."""
    sets: dict[tuple[str, str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for cell in members:
        with np.load(cell.metrics / "features.npz") as arrays:
            for name in arrays.files:
                stage, *key, side = name.split("/")
                if stage == cell.stage and side == "render":
                    pair = arrays[name], arrays[name.removesuffix("render") + "truth"]
                    sets.setdefault(tuple(key), []).append(pair)
    known = members[0].scores["records"]
    weights = next(r["weights"] for r in known if r["network"] == inception.NETWORK)
    records = []
    for (protocol, region, truth), pairs in sets.items():
        renders, truths = (np.concatenate(side) for side in zip(*pairs, strict=True))
        shared = {"protocol": protocol, "region": region, "truth": truth, "views": len(renders)}
        shared |= {"stage": members[0].stage, "network": inception.NETWORK, "weights": weights}
        records += [
            completed(shared, metric=metric, value=json_number(measure(renders, truths)))
            for metric, measure in MEASURES.items()
            if len(pairs) == len(members)
        ]
    return records


def page(methods: list[Method], cells: list[Cell], records: list[dict]) -> str:
    """The markdown page: what was compared, and tables of all scenes and of each by protocol and truth."""
    scenes, seeds = ordered(cell.scene for cell in cells), ordered(cell.seed for cell in cells)
    stages = {cell.method: cell.stage for cell in cells}
    own = [
        record
        for record in records
        if record["stage"] == (ALL if record["protocol"] == "benchmark" else stages[record["method"]])
    ]
    parts = ["# Inpainting table\n", *heading(methods, scenes, seeds, own)]
    kinds = ordered((r["protocol"], r["truth"]) for r in own if r["protocol"] in regions.PROTOCOLS)
    for protocol, truth in [*kinds, ("benchmark", None)]:
        parts += section(methods, own, protocol, truth, scenes, seeds)
    manifest = cells[0].scores
    parts.append(f"\n## What the numbers are\n\n- box margin: {manifest['box_margin']:.0%} a side\n")
    measured = {record["metric"] for record in own}
    parts += [f"- {metric}: {note}\n" for metric, note in manifest["notes"].items() if metric in measured]
    parts += [f"- not computed: {of['metric']}, for {of['reason']}\n" for of in manifest["skipped"]]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def section(
    methods: list[Method],
    records: list[dict],
    protocol: str,
    truth: str | None,
    scenes: list[str],
    seeds: list[int],
) -> list[str]:
    """A protocol's tables under its heading: of all scenes together, and of each; nothing without values."""
    groups = {scene: [scene] for scene in scenes}
    if len(scenes) > 1:
        together = {"mean of the scenes": scenes, "pooled over the scenes": ["+".join(scenes)]}
        groups = {**together, **groups}
    tables = {
        title: protocol_table(methods, records, protocol, truth, chosen, seeds)
        for title, chosen in groups.items()
    }
    found = [f"\n**{title}**\n\n{table}" for title, table in tables.items() if table]
    if not found:
        return []
    named = f"\n## {protocol}{f', against {truth}' if truth else ''}\n"
    return [named, f"{regions.PROTOCOLS.get(protocol, 'every stage that the run needs')}\n", *found]


def heading(methods: list[Method], scenes: list[str], seeds: list[int], records: list[dict]) -> list[str]:
    """What was compared, on what, and by which networks."""
    lines = [
        f"Scenes: {', '.join(scenes)}. Seeds: {', '.join(map(str, seeds))}. ± is the spread over the seeds.\n"
    ]
    for scene in scenes:
        of = [r for r in records if r["scene"] == scene and r["protocol"] == regions.FULL_FRAME]
        masks = common({r["mask_source"] for r in of})
        views = ", ".join(str(count) for count in ordered(r["views"] for r in of))
        size = common({r["resolution"] for r in of})
        lines.append(f"- {scene}: {views} test views at {size}; input masks: {masks}\n")
    windows = sorted({r["window"] for r in records if r["window"]})
    lines += [f"- SSIM window: {window}\n" for window in windows]
    networks = {(r["network"], r["weights"]) for r in records if r["network"]}
    lines += [f"- network {name}: sha256 {weights}\n" for name, weights in sorted(networks)]
    lines.append("\nMethods:\n")
    return lines + [f"- **{method.title}** (run `{method.run}`): {method.about}\n" for method in methods]


def scene_sheet(methods: list[Method], cells: list[Cell], settings: InpaintingTableSettings) -> np.ndarray:
    """The same views of every method side by side: the frame, the box of the mask, and depth in one range.

    The first column shows the photo, twice, and where the object would be.
    """
    by_run = {cell.method: cell for cell in cells}
    shown = [by_run[method.run] for method in methods]
    names = [
        view["name"]
        for view in shown[0].rendered["views"]
        if all((cell.renders / view["split"] / view["name"]).is_dir() for cell in shown)
    ]
    chosen = spread(names, settings.views)
    depths = [np.load(cell.renders / "depth.npz") for cell in shown]
    bounds = canvas.depth_range([depth[name] for depth in depths for name in chosen])
    rows = []
    for name in chosen:
        frames, box = frames_of(shown, name)
        outline = canvas.outlined(frames[0], box.visible) if box.visible is not None else frames[0]
        coloured = [canvas.depth_colours(depth[name], *bounds) for depth in depths]
        rows += [
            (name, frames),
            (f"{name}, box of the mask", [frame[box.rows, box.columns] for frame in frames]),
            (f"{name}, depth", [outline, *coloured]),
        ]
    title = f"{shown[0].scene}, seed {shown[0].seed}; depth {bounds[0]:.2g} (bright) to {bounds[1]:.2g}"
    return comparison_sheet(title, ["photo", *(m.title for m in methods)], rows, settings.tile_width)


def frames_of(cells: list[Cell], name: str) -> tuple[list[np.ndarray], regions.Region]:
    """The photo of a view and every method's render of it, and the box of its mask, its `visible`."""
    split = next(view["split"] for view in cells[0].rendered["views"] if view["name"] == name)
    photo = read_image(cells[0].renders / split / name / "photo.png")
    frames = [photo, *(read_image(cell.renders / split / name / "rgb.png") for cell in cells)]
    mask = read_mask_as(cells[0].test_masks / f"{name}.png", photo) if split == "test" else None
    if mask is None or not mask.any():
        return frames, regions.full_frame()
    box = regions.spinnerf_box(mask, CROP_MARGIN)
    return frames, regions.Region(box.rows, box.columns, visible=mask)
