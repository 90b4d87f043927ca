"""Methods of multiview segmentation side by side: `segmentation_table`.

Every method is scored on the same views: those with a true mask that were not given to it. Both protocols of
mask_scores.py are reported. What others published stands beside the measured numbers and never among them.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nerfkit.errors import UserError
from nerfkit.evaluation.mask_scores import PROTOCOLS, Pairs, mask_pairs, resolution
from nerfkit.evaluation.segmentation_pages import numbers, page, scene_sheet
from nerfkit.evaluation.views import spread
from nerfkit.files import list_images, stage_folder, write_image, write_manifest

log = logging.getLogger("nerfkit")

SHOWN_VIEWS = 4  # on a scene's sheet


@dataclass(frozen=True)
class Row:
    """One method from one start on one scene with one seed.

    Attributes:
        stage, masks: which stage's masks are scored, and the stage's folder.
        given: folder of the stage source_mask: its views were given to the method.
        missing: what the method lacks on this machine, if anything; then there are no folders.
        published: `iou` and `accuracy` in percent, on other scenes, and their `source`; or None.
    """

    scene: str
    seed: int
    start: str
    method: str
    run: str
    stage: str
    masks: str
    given: str
    missing: str | None = None
    published: dict | None = None

    def pairs(self, true_masks: Path) -> Pairs:
        """The method's masks beside the true ones, without the given views.

        Raises:
            UserError: there is no view to score.
        """
        given = [path.stem for path in list_images(Path(self.given) / "masks")]
        pairs = mask_pairs(Path(self.masks) / "masks", true_masks, given)
        if not pairs:
            raise UserError(
                f"{true_masks} has no mask of a registered view of {self.scene} other than the clicked "
                f"{', '.join(given)}; add one, or leave the scene out of segmentation_table."
            )
        return pairs


def segmentation_table(
    rows: list[Row], photos: dict[str, Path], true_masks: dict[str, Path], out: Path
) -> None:
    """Score the rows and lay them out.

    Args:
        photos: scene -> folder of its stage photos.
        true_masks: scene -> folder of the user's masks by stem.
        out: folder: segmentation_table.csv (one line for each score), .md, .png, .json and
            sheets/<scene>_<number of the start>.png.
    """
    records = [record for row in rows for record in measured(row, true_masks[row.scene])]
    with stage_folder(out) as folder:
        pd.DataFrame(records).astype({"views": "Int64"}).to_csv(
            folder / "segmentation_table.csv", index=False
        )
        views = {scene: scored_views(rows, scene, true_masks) for scene in true_masks}
        (folder / "segmentation_table.md").write_text(page(records, views))
        write_image(folder / "segmentation_table.png", numbers(records))
        (folder / "sheets").mkdir()
        for number, start in enumerate(dict.fromkeys(row.start for row in rows), 1):
            for scene, folder_of_photos in photos.items():
                compared = first_seed(row for row in rows if (row.start, row.scene) == (start, scene))
                masks = {row.method: row.pairs(true_masks[scene]) for row in compared if not row.missing}
                chosen = spread(views[scene]["scored"], SHOWN_VIEWS)
                shown = {name: folder_of_photos / "images" / f"{name}.png" for name in chosen}
                sheet = scene_sheet(f"{scene}, {start}", masks, shown)
                write_image(folder / "sheets" / f"{scene}_{number}.png", sheet)
        write_manifest(folder, "segmentation_table", views=views)
    for record in records:
        if record["metric"] == "iou" and record["value"] is not None:
            log.info("%(scene)s, %(start)s, %(method)s: IoU %(value).4f (%(protocol)s)", record)


def measured(row: Row, true_masks: Path) -> list[dict]:
    """The records of one row: a value for each protocol and metric, None where the method is missing."""
    pairs = {} if row.missing else row.pairs(true_masks)
    published = row.published or {}
    records = []
    for protocol, score in PROTOCOLS.items():
        values = score(pairs) if pairs else dict.fromkeys(("accuracy", "iou"))
        for metric, value in values.items():
            record = {
                name: getattr(row, name) for name in ("scene", "seed", "start", "method", "run", "stage")
            }
            record |= {"protocol": protocol, "metric": metric, "value": value, "missing": row.missing}
            record |= {"views": len(pairs) or None, "resolution": resolution(pairs) if pairs else None}
            record |= {
                "published_percent": published.get(metric),
                "published_source": published.get("source"),
            }
            records.append(record)
    return records


def scored_views(rows: list[Row], scene: str, true_masks: dict[str, Path]) -> dict[str, list[str]]:
    """The views of a scene that are scored, and those given: the same for every method, or there is no table.

    Raises:
        UserError: two methods have masks of different views.
    """
    present = [row for row in rows if row.scene == scene and not row.missing]
    scored = {tuple(row.pairs(true_masks[scene])) for row in present}
    if len(scored) > 1:
        raise UserError(f"The methods of {scene} have masks of different views; rerun its segmentation.")
    given = sorted({path.stem for row in present for path in list_images(Path(row.given) / "masks")})
    return {"scored": sorted(scored.pop()), "given": given}


def first_seed(rows: Iterable[Row]) -> list[Row]:
    """The rows of the first seed alone."""
    rows = list(rows)
    return [row for row in rows if row.seed == rows[0].seed]
