"""The pictures of the report: what went in, what every stage made of it, and what came out."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerfkit.clicks import read_clicks
from nerfkit.evaluation import canvas
from nerfkit.evaluation.curves import write_curves
from nerfkit.evaluation.sheets import comparison_sheet, contact_sheet, number_sheet
from nerfkit.evaluation.tables import metric_tables
from nerfkit.files import (
    list_images,
    read_image,
    read_json,
    read_mask,
    stage_folder,
    write_image,
    write_manifest,
)
from nerfkit.photos import read_photos
from nerfkit.views import spread

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class PicturesSettings:
    """Settings of the pictures stage."""

    views: int = 4  # rows of the sheets that compare, spread evenly over the views
    tile_width: int = 320  # width of a picture on those sheets, pixels
    overview_columns: int = 8  # pictures in a row of the sheet of all masks
    overview_width: int = 150  # width of a picture on that sheet, pixels


def pictures(
    photos: Path,
    holes: Path,
    inpainting: Path,
    renders: Path,
    metrics: Path,
    curves: list[Path],
    out: Path,
    settings: PicturesSettings,
    *,
    clicks: Path | None = None,
    source_mask: Path | None = None,
    refinement: Path | None = None,
) -> None:
    """Write the sheets masks, inpainted, renders, depth, curves, metrics and, after clicks, clicks (.png).

    Args:
        photos, holes, inpainting, renders, metrics: folders of those stages.
        curves: CSV of each training of a field; its stem is its title.
        clicks, source_mask, refinement: folders of those stages, or None when the masks were given.
    """
    with stage_folder(out) as folder:
        sheets = {
            "masks": masks_sheet(photos, holes, doubtful_views(refinement), settings),
            "inpainted": inpainted_sheet(photos, holes, inpainting, settings),
            "renders": renders_sheet(renders, settings),
            "depth": depth_sheet(renders, settings),
            "metrics": number_sheet("Metrics", metric_tables(read_json(metrics / "metrics.json")["records"])),
        }
        if clicks is not None and source_mask is not None:
            sheets["clicks"] = clicks_sheet(photos, clicks, source_mask, settings)
        for name, sheet in sheets.items():
            write_image(folder / f"{name}.png", sheet)
        learnt = sorted((refinement / "curves").iterdir()) if refinement is not None else []
        write_curves(folder / "curves.png", {path.stem: path for path in [*curves, *learnt]})
        write_manifest(folder, "pictures")
    log.info("pictures: %s and the training curves", ", ".join(sheets))


def clicks_sheet(photos: Path, clicks: Path, source_mask: Path, settings: PicturesSettings) -> np.ndarray:
    """The clicked photos with clicks and boxes, and the masks made of them."""
    clicked: dict[str, np.ndarray] = {}
    for thing in read_clicks(clicks, read_photos(photos)):
        for view in thing.clicks:
            name = view.photo.name
            drawn = clicked.get(name, read_image(photos / view.photo.file))
            if view.box is not None:
                drawn = canvas.boxed(drawn, view.box)
            for (x, y), positive in zip(view.points, view.labels, strict=True):
                drawn = canvas.marked(drawn, x, y, positive)
            clicked[name] = drawn
    rows = []
    for name, drawn in clicked.items():
        photo = read_image(photos / "images" / f"{name}.png")
        rows.append((name, [drawn, canvas.overlaid(photo, read_mask(source_mask / "masks" / f"{name}.png"))]))
    width = settings.tile_width * 3 // 2
    return comparison_sheet(
        "Clicks and source mask", ["clicks", "source mask"], rows[: settings.views], width
    )


def doubtful_views(refinement: Path | None) -> set[str]:
    """The views in which the propagated and the rendered mask of some object disagreed."""
    if refinement is None:
        return set()
    return {
        view for views in read_json(refinement / "refinement.json")["doubtful"].values() for view in views
    }


def masks_sheet(photos: Path, holes: Path, doubtful: set[str], settings: PicturesSettings) -> np.ndarray:
    """Every training photo with its mask laid over it, captioned with the mask's share of the pixels."""
    tiles = []
    for path in list_images(holes / "masks"):
        mask = read_mask(path)
        image = canvas.overlaid(read_image(photos / "images" / path.name), mask)
        doubt = "  in doubt" if path.stem in doubtful else ""
        tiles.append((f"{path.stem}  {mask.mean():.1%}{doubt}", image))
    return contact_sheet("Object masks", tiles, settings.overview_columns, settings.overview_width)


def inpainted_sheet(photos: Path, holes: Path, inpainting: Path, settings: PicturesSettings) -> np.ndarray:
    """Photos with their holes, what other photos show of them, and what was painted into the rest."""
    disparity = np.load(inpainting / "disparity.npz")
    names = [path.stem for path in list_images(holes / "holes") if read_mask(path).any()]
    rows = []
    for name in spread(names, settings.views):
        hole = read_mask(holes / "holes" / f"{name}.png")
        photo = canvas.outlined(read_image(photos / "images" / f"{name}.png"), hole)
        filled = read_image(inpainting / "images" / f"{name}.png")
        seen = canvas.overlaid(filled, read_mask(inpainting / "filled" / f"{name}.png"), strength=1)
        known = disparity[name][disparity[name] > 0]
        low, high = np.percentile(known, (1, 99)) if known.size else (0, 1)
        colours = canvas.disparity_colours(disparity[name], low, max(high, low * 1.001))
        rows.append((name, [photo, seen, filled, colours]))
    columns = ["photo and hole", "what other photos show", "rest inpainted", "its disparity"]
    return comparison_sheet("Inpainted photos", columns, rows, settings.tile_width)


def rendered(renders: Path, count: int) -> dict[str, Path]:
    """The folders of the images of some rendered views, by name."""
    views = {view["name"]: view["split"] for view in read_json(renders / "renders.json")["views"]}
    return {name: renders / views[name] / name for name in spread(list(views), count)}


def renders_sheet(renders: Path, settings: PicturesSettings) -> np.ndarray:
    """Renders before and after the removal beside the photo: for test views, one without the object."""
    rows = [
        (name, [read_image(folder / f"{image}.png") for image in ("before", "rgb", "photo")])
        for name, folder in rendered(renders, settings.views).items()
    ]
    return comparison_sheet("Renders", ["before", "object removed", "photo"], rows, settings.tile_width)


def depth_sheet(renders: Path, settings: PicturesSettings) -> np.ndarray:
    """Depth before and after the removal, in one range of colours."""
    before, after = np.load(renders / "depth_before.npz"), np.load(renders / "depth.npz")
    names = list(rendered(renders, settings.views))
    bounds = canvas.depth_range([after[name] for name in names])
    rows = [
        (name, [canvas.depth_colours(depths[name], *bounds) for depths in (before, after)]) for name in names
    ]
    title = f"Depth, {bounds[0]:.2g} (bright) to {bounds[1]:.2g} scene units"
    return comparison_sheet(title, ["before", "object removed"], rows, settings.tile_width)
